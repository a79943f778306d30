package history

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"cairn/events"
	"cairn/events/ledger/memory"
	"cairn/projections/follower"
	"cairn/projections/store"
)

// world is a cell in memory that records are written to by hand.
type world struct {
	cell *follower.Follower
	src  Source
	log  *memory.Log
	id   byte
	now  time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	// Each record is appended a second after the one before.
	log := memory.New(func() int64 { w.now = w.now.Add(time.Second); return w.now.UnixNano() })
	st, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.cell, err = follower.Start(context.Background(), follower.Options{Ledger: log, Store: st})
	if err != nil {
		t.Fatal(err)
	}
	w.src, w.log = From(w.cell, log), log
	t.Cleanup(func() { w.cell.Stop(); st.Close(); log.Close() })
	return w
}

// TestScenarios: `records` writes TYPE KIND/NS/NAME k=v... lines (_ is a
// space); `deliver-again` appends a record's own bytes once more; `why`,
// `record`, `events` and `when` ask.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		w := newWorld(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var b strings.Builder
			switch d.Cmd {
			case "records":
				for _, line := range strings.Split(d.Input, "\n") {
					w.write(t, strings.Fields(line))
				}
				return fmt.Sprintf("up to %d\n", w.cell.Position().Offset)
			case "deliver-again":
				for _, text := range strings.Fields(d.Input) {
					n, err := strconv.Atoi(text)
					if err != nil {
						d.Fatalf(t, "%v", err)
					}
					w.deliverAgain(t, events.Offset(n))
				}
				return fmt.Sprintf("up to %d\n", w.cell.Position().Offset)
			case "why", "record":
				w.ask(&b, d.Cmd, strings.TrimSpace(d.Input))
			case "events":
				w.events(&b, strings.Fields(d.Input))
			case "when":
				for _, text := range strings.Fields(d.Input) {
					when, err := ParseWhen(text, w.now)
					if err == nil {
						var m Moment
						if m, err = Resolve(w.cell, when); err == nil {
							fmt.Fprintf(&b, "%s: record %d, %s\n", text, m.Offset, m.Time.Format(time.TimeOnly))
						}
					}
					if err != nil {
						fmt.Fprintf(&b, "%s: %v\n", text, err)
					}
				}
			default:
				d.Fatalf(t, "no such command")
			}
			return b.String()
		})
	})
}

// deliverAgain is what a broker does that took a record and lost its answer.
func (w *world) deliverAgain(t *testing.T, o events.Offset) {
	t.Helper()
	recs, err := w.log.Fetch(context.Background(), o, 1)
	if err != nil || len(recs) == 0 || recs[0].Offset != o {
		t.Fatalf("record %d: %d of them, %v", o, len(recs), err)
	}
	at, err := w.log.Append(context.Background(), [][]byte{recs[0].Data})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.cell.Wait(context.Background(), at); err != nil {
		t.Fatal(err)
	}
}

func (w *world) ask(b *strings.Builder, cmd, about string) {
	var s *Story
	ref, err := ParseRef(about, "default")
	if cmd == "record" {
		n, _ := strconv.Atoi(about)
		s, err = TellRecord(context.Background(), w.src, events.Offset(n))
	} else if err == nil {
		s, err = Tell(context.Background(), w.src, ref)
	}
	if err != nil {
		fmt.Fprintf(b, "error: %v\n", err)
		return
	}
	for _, part := range []struct {
		title string
		list  []*Entry
	}{{"led to it", s.Chain}, {"happened", s.Steps}, {"because of it", s.LedTo}} {
		if len(part.list) > 0 {
			fmt.Fprintf(b, "%s:\n", part.title)
		}
		for _, e := range part.list {
			fmt.Fprintf(b, "  %d %s %v\n", e.Offset, e.Text, e.Cause)
		}
	}
	fmt.Fprintf(b, "now: %s\n", strings.Join(s.Now, "; "))
	for _, c := range s.Children {
		fmt.Fprintf(b, "  %s\n", c)
	}
}

func (w *world) events(b *strings.Builder, words []string) {
	v := url.Values{}
	for _, word := range words {
		k, x, _ := strings.Cut(word, "=")
		v.Set(k, x)
	}
	q, err := readQuery(w.cell, v, w.now)
	if err == nil {
		err = Select(context.Background(), w.src, q, func(e *Entry) error {
			fmt.Fprintf(b, "%d %s %s %s\n", e.Offset, e.Type, e.Outcome, e.Subject)
			return nil
		})
	}
	if err != nil {
		fmt.Fprintf(b, "error: %v\n", err)
	}
}

func (w *world) write(t *testing.T, words []string) {
	t.Helper()
	w.id++
	e := &events.Event{ID: events.ID{15: w.id}, Type: events.Type(words[0]), Actor: events.Actor{User: "alice", Address: "10.0.0.7"}}
	parts := strings.Split(words[1], "/")
	e.Subject = events.Ref{Kind: parts[0], Name: parts[len(parts)-1]}
	if len(parts) == 3 {
		e.Subject.Namespace = parts[1]
	}
	e.UID = "u-" + e.Subject.Name
	if e.Type == events.ObjectCreated {
		e.Parts = []events.Part{{Column: events.Spec, Encoding: "text", Data: []byte("body")}}
	}
	switch e.Subject.Kind {
	case events.Cells:
		e.UID = ""
		e.Facts.Cell = &events.Cell{Name: "test", Incarnation: "i", Gate: events.GateFirst, Window: 1 << 17, PodRange: "10.244.0.0/16",
			ServiceRange: "10.96.0.0/16", NodeMask: 24, NodePortLow: 30000, NodePortHigh: 32767, DNSAddress: "10.96.0.10"}
	case events.Pods:
		if e.Type == events.ObjectCreated || e.Type == events.DeletionRequested {
			e.Facts.Pod = &events.Pod{}
		}
	case events.Nodes:
		if e.Type == events.ObjectCreated {
			e.Facts.Node = &events.Node{Allocatable: events.Resources{MilliCPU: 1000, Memory: 1 << 30, Pods: 10},
				Addresses: []events.Pair{{Key: "InternalIP", Value: "192.0.2.1"}}}
		}
	}
	for _, kv := range words[2:] {
		k, v, _ := strings.Cut(kv, "=")
		set(t, e, k, strings.ReplaceAll(v, "_", " "))
	}
	if _, err := w.cell.Write(context.Background(), e); err != nil {
		t.Fatal(err)
	}
}

func set(t *testing.T, e *events.Event, k, v string) {
	num, _ := strconv.ParseInt(v, 10, 64)
	f := &e.Facts
	if f.Report == nil && e.Type.IsReport() {
		f.Report = &events.Report{Epoch: 1}
	}
	if f.Workload == nil && (k == "replicas" || k == "hash") {
		f.Workload = &events.Workload{}
	}
	switch k {
	case "by":
		e.Actor = events.Actor{Reconciler: v}
	case "node":
		e.Actor = events.Actor{Node: v}
	case "cause":
		e.Cause = append(e.Cause, events.Offset(num))
	case "reason":
		e.Reason = v
	case "uid":
		e.UID = v
	case "written":
		e.Require.Written = events.RevisionOf(0, events.Offset(num), 0)
	case "replicas":
		f.Workload.Replicas = uint64(num)
	case "hash":
		f.Workload.TemplateHash = v
	case "owner":
		kind, name, _ := strings.Cut(v, "/")
		f.Owners = []events.Owner{{Kind: kind, Name: name, UID: "u-" + name, Controller: true}}
	case "cpu":
		f.Pod.Requests.MilliCPU = uint64(num)
	case "deleting":
		f.Deleting, f.Grace = num, 30
	case "on":
		f.Placement = &events.Placement{Node: v}
	case "at":
		f.Placement.Registration = events.Offset(num)
	case "filtered": // REASON of projections/fit, by number
		f.Decision = &events.Decision{Nodes: 1, Filtered: []events.Filtered{{Reason: uint64(num), Nodes: 1, Names: []string{"n1"}}}}
	case "feasible":
		f.Placement.Decision = &events.Decision{Nodes: uint64(num), Feasible: uint64(num)}
	case "registration":
		f.Report.Registration = events.Offset(num)
	case "phase":
		f.Report.Phase = map[string]events.Phase{"Running": events.Running, "Failed": events.Failed}[v]
	case "ready":
		f.Report.Ready = true
	case "incident":
		reason, message, _ := strings.Cut(v, ":")
		f.Report.Incidents = []events.Incident{{Reason: reason, Message: message}}
	case "denied":
		f.Denial = &events.Denial{Verb: "delete", Resource: v, Status: 403, Count: 1}
	case "conflict":
		f.Denial = &events.Denial{Verb: "update", Resource: v, Status: 409, Count: 1}
	case "since":
		f.Denial.Since, e.Claimed = num, (num+60)*1e9
	case "read":
		f.Denial = &events.Denial{Verb: "read the log of", Resource: "pods", Status: 200, Count: uint64(num)}
	default:
		t.Fatalf("no such field: %s", k)
	}
}
