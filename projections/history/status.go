package history

import (
	"encoding/hex"
	"sort"
	"time"

	"cairn/events"
	"cairn/projections/message"
	"cairn/projections/view"
)

// usageRecords bounds how many records a status counts for its usage.
const usageRecords = 200_000

// Status is how far ledger and view have come, and what fills the ledger.
type Status struct {
	Cell        string          `json:"cell"`
	Incarnation string          `json:"incarnation"`
	Gate        string          `json:"gate"`      // the active one
	LedgerEnd   events.Offset   `json:"ledgerEnd"` // one past the last record
	Folded      events.Offset   `json:"folded"`    // the last record folded
	Lag         events.Offset   `json:"lag"`       // records not folded yet
	FoldedAt    time.Time       `json:"foldedAt"`  // its ledger time
	Revision    events.Revision `json:"revision"`
	Digest      string          `json:"digest"` // over live objects
	Chain       string          `json:"chain"`  // over outcomes and changes
	Objects     int             `json:"objects"`
	Nodes       []NodeStatus    `json:"nodes"`
	Usage       []Usage         `json:"usage"` // the last day's, largest first
	DayBytes    uint64          `json:"dayBytes"`
	DayRecords  uint64          `json:"dayRecords"`
	DayHours    float64         `json:"dayHours"` // what part of a day was counted
}

// NodeStatus is one node of the cell.
type NodeStatus struct {
	Name         string        `json:"name"`
	Ready        bool          `json:"ready"`
	Why          string        `json:"why,omitempty"`
	PodRange     string        `json:"podRange"`
	Pods         int           `json:"pods"`
	Registration events.Offset `json:"registration"`
	RegisteredAt time.Time     `json:"registeredAt"` // ledger time
}

// Usage is what one actor wrote about one kind in the last day.
type Usage struct {
	Kind    string `json:"kind"`
	Actor   string `json:"actor"`
	Records uint64 `json:"records"`
	Bytes   uint64 `json:"bytes"`
}

// StatusOf reads a status; end is the ledger's end, now the reader's clock.
func StatusOf(reads view.Reads, end events.Offset, now time.Time) (*Status, error) {
	pos := reads.Position()
	s := &Status{
		LedgerEnd: end, Folded: pos.Offset, Lag: max(0, end-pos.Offset-1), FoldedAt: time.Unix(0, pos.Time).UTC(),
		Revision: pos.Revision(), Digest: hex.EncodeToString(pos.State[:]), Chain: hex.EncodeToString(pos.Chain[:]), Objects: pos.Objects,
	}
	if pos.Cell != nil {
		s.Cell, s.Incarnation, s.Gate = pos.Cell.Name, pos.Cell.Incarnation, pos.Gate.String()
	}
	if err := s.countNodes(reads); err != nil {
		return nil, err
	}
	return s, s.countUsage(reads, pos, now)
}

func (s *Status) countNodes(reads view.Reads) error {
	nodes, _, err := reads.List(events.Nodes, view.Page{})
	if err != nil {
		return err
	}
	pods, _, err := reads.List(events.Pods, view.Page{})
	if err != nil {
		return err
	}
	on := make(map[string]int)
	for _, p := range pods {
		if p.Projected != nil && p.Projected.Pod != nil {
			on[p.Projected.Pod.Node]++
		}
	}
	for _, n := range nodes {
		st := NodeStatus{Name: n.Ref.Name, Pods: on[n.Ref.Name]}
		if n.Projected != nil && n.Projected.Node != nil {
			st.Ready, st.Why, st.PodRange = n.Projected.Node.Ready, message.NodeHealth(n.Projected.Node), n.Projected.Node.PodRange
			st.Registration = n.Projected.Node.Registration
			if rec, err := reads.Record(st.Registration); err == nil {
				st.RegisteredAt = time.Unix(0, rec.Time).UTC()
			}
		}
		s.Nodes = append(s.Nodes, st)
	}
	return nil
}

// countUsage counts records of the last 24 hours by kind and actor, back from
// the end, and at most usageRecords of them: DayHours tells what was covered.
func (s *Status) countUsage(reads view.Reads, pos view.Position, now time.Time) error {
	since := now.Add(-24 * time.Hour).UnixNano()
	sums := make(map[[2]string]*Usage)
	oldest := pos.Time
	for o := pos.Offset; o >= 0 && pos.Offset-o < usageRecords; o-- {
		rec, err := reads.Record(o)
		if err != nil {
			return err
		}
		if rec.Time < since {
			break
		}
		oldest = rec.Time
		key := [2]string{rec.Subject.Kind, rec.Actor}
		if sums[key] == nil {
			sums[key] = &Usage{Kind: rec.Subject.Kind, Actor: rec.Actor}
		}
		sums[key].Records++
		sums[key].Bytes += uint64(rec.Bytes)
		s.DayRecords++
		s.DayBytes += uint64(rec.Bytes)
	}
	s.DayHours = now.Sub(time.Unix(0, oldest)).Hours()
	for _, u := range sums {
		s.Usage = append(s.Usage, *u)
	}
	sort.Slice(s.Usage, func(i, j int) bool {
		a, b := s.Usage[i], s.Usage[j]
		if a.Bytes != b.Bytes {
			return a.Bytes > b.Bytes
		}
		return a.Kind+a.Actor < b.Kind+b.Actor
	})
	return nil
}
