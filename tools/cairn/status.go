package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"text/tabwriter"
	"time"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/projections/history"
	"cairn/tools/cairn/cell"
	"cairn/tools/cairn/client"
	"cairn/tools/cairn/sweep"
)

type statusCommand struct {
	placeFlags
	Output string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// statusReport is what -o json prints.
type statusReport struct {
	Running   bool            `json:"running"` // a server answers
	Reason    string          `json:"reason,omitempty"`
	Settings  *cell.Settings  `json:"settings,omitempty"` // where the cell is this machine's
	DataDir   string          `json:"dataDir,omitempty"`
	Server    *history.Status `json:"server,omitempty"`
	Processes []statusProcess `json:"processes"`
	LedgerEnd *int64          `json:"ledgerEnd,omitempty"` // of a cell that does not run: records in its ledger
	Damage    string          `json:"damage,omitempty"`    // what is wrong with that ledger
	Disk      *statusDisk     `json:"disk,omitempty"`
}

type statusProcess struct {
	Role string `json:"role"` // supervisor, server, node, shim, pause
	Pid  int    `json:"pid"`
}

// statusDisk says how long the disk lasts at the pace of the last day.
type statusDisk struct {
	FreeBytes uint64   `json:"freeBytes"`
	DaysLeft  *float64 `json:"daysLeft,omitempty"` // absent where the ledger lies elsewhere, or nothing was written
}

func (c *statusCommand) Run(out io.Writer) error {
	report, err := c.collect()
	if err != nil {
		return err
	}
	if c.Output == "json" {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(report); err != nil {
			return err
		}
	} else if err := report.print(out); err != nil {
		return err
	}
	switch {
	case report.Damage != "":
		return cell.Unverified("the cell is not running, and %s", report.Damage)
	case !report.Running && report.Settings != nil:
		return fmt.Errorf("cell %s is not running (nothing answers at %s): start it with `%s`", report.Settings.Name, report.Settings.URL(), command("up", cell.Paths{Data: report.DataDir}))
	case !report.Running:
		return fmt.Errorf("the cell is not running: %s", report.Reason)
	}
	return nil
}

func (c *statusCommand) collect() (*statusReport, error) {
	r := &statusReport{Processes: []statusProcess{}}
	_, paths, err := c.place().Locate()
	if err != nil {
		return nil, err
	}
	s, err := cell.Load(paths)
	switch {
	case err == nil:
		r.Settings, r.DataDir = s, paths.Data
		r.Processes = processesOf(paths)
	case !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission):
		return nil, err
	}
	server, err := c.open()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	switch st, err := server.Status(ctx); {
	case err == nil:
		r.Running, r.Server = true, st
		if s != nil && st.Incarnation != s.Incarnation {
			// KUBECONFIG means a cell elsewhere: this machine's is not asked for.
			r.Settings, r.DataDir, r.Processes = nil, "", []statusProcess{}
		}
	case errors.Is(err, client.ErrDown):
		r.Reason = err.Error()
		if s != nil && s.Ledger == "embedded" && len(r.Processes) == 0 {
			r.standstill(ctx, paths, s)
		}
	default:
		return nil, err
	}
	r.Disk = diskOf(paths.Data, r)
	return r, nil
}

// standstill looks at the ledger of a cell that does not run.
func (r *statusReport) standstill(ctx context.Context, paths cell.Paths, s *cell.Settings) {
	log, err := readLedger(ctx, paths, s)
	if err == nil {
		defer log.Close()
		var end events.Offset
		if end, err = log.ReadPoint(ctx); err == nil {
			n := int64(end)
			r.LedgerEnd = &n
			return
		}
	}
	var damage *ledger.Damage
	if errors.As(err, &damage) {
		r.Damage = err.Error()
	}
}

// processesOf lists the cell's processes on this machine; Kafka is not the cell's.
func processesOf(paths cell.Paths) []statusProcess {
	out := []statusProcess{}
	for _, role := range []struct{ file, said string }{{"up", "supervisor"}, {"server", "server"}, {"node", "node"}} {
		if p, alive := cell.ReadPid(paths.Pid(role.file)); alive {
			out = append(out, statusProcess{role.said, p.Pid})
		}
	}
	for _, p := range sweep.Programs(paths.Programs()) {
		role := map[string]string{"cairn-shim": "shim", "cairn-pause": "pause"}[p.Program]
		if role == "" {
			role = p.Program
		}
		out = append(out, statusProcess{role, p.Pid})
	}
	return out
}

func diskOf(dir string, r *statusReport) *statusDisk {
	var fs syscall.Statfs_t
	if r.Settings == nil || syscall.Statfs(dir, &fs) != nil {
		return nil
	}
	d := &statusDisk{FreeBytes: fs.Bavail * uint64(fs.Bsize)}
	if r.Server != nil && r.Settings.Ledger == "embedded" && r.Server.DayBytes > 0 {
		days := float64(d.FreeBytes) / (float64(r.Server.DayBytes) * 24 / max(r.Server.DayHours, 1))
		d.DaysLeft = &days
	}
	return d
}

func (r *statusReport) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	p := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	if s := r.Server; s != nil {
		p("cell\t%s, incarnation %s", s.Cell, s.Incarnation)
		p("ledger\t%d records, the last one of %s", s.LedgerEnd, s.FoldedAt.Local().Format("2006-01-02 15:04:05"))
		p("folded\tup to record %d, %d behind; revision %d", s.Folded, s.Lag, s.Revision)
		p("digest\t%s, %d objects", s.Digest, s.Objects)
		p("chain\t%s", s.Chain)
		p("grown by\t%s in %d records in the last %.1f h", size(s.DayBytes), s.DayRecords, min(s.DayHours, 24))
	}
	if r.Server == nil && r.Settings != nil {
		p("cell\t%s, incarnation %s", r.Settings.Name, r.Settings.Incarnation)
		if r.LedgerEnd != nil {
			p("ledger\t%d records", *r.LedgerEnd)
		}
	}
	if r.Settings != nil {
		p("kept in\t%s, ledger %s", r.DataDir, r.Settings.Ledger)
	}
	if d := r.Disk; d != nil && d.DaysLeft != nil {
		p("disk\t%s free, %.0f days at this pace", size(d.FreeBytes), *d.DaysLeft)
	} else if d != nil {
		p("disk\t%s free", size(d.FreeBytes))
	}
	if s := r.Server; s != nil {
		p("\nNODE\tREADY\tPODS\tPOD RANGE\tWHY")
		for _, n := range s.Nodes {
			p("%s\t%t\t%d\t%s\t%s", n.Name, n.Ready, n.Pods, n.PodRange, n.Why)
		}
		p("\nWRITTEN BY\tABOUT\tRECORDS\tSIZE")
		for _, u := range s.Usage[:min(len(s.Usage), 10)] {
			p("%s\t%s\t%d\t%s", u.Actor, u.Kind, u.Records, size(u.Bytes))
		}
	}
	if len(r.Processes) > 0 {
		p("\nPROCESS\tPID")
		for _, pr := range r.Processes {
			p("%s\t%d", pr.Role, pr.Pid)
		}
	}
	return w.Flush()
}

// size prints bytes as people read them.
func size(n uint64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f, i := float64(n), 0
	for ; f >= 1024 && i < len(units)-1; i++ {
		f /= 1024
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}
