package engine

import (
	"maps"
	"testing"
	"time"
)

func TestANodeIsHeardOnceItsSilenceShrank(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	var given map[string]time.Duration
	var counts bool
	var n silences
	ask := func(_ time.Time, connected bool) map[string]time.Duration {
		counts = connected
		return maps.Clone(given)
	}
	for i, s := range []struct {
		pass, sinceContact time.Duration
		n1                 time.Duration
		counts, heard      bool
	}{
		{0, 0, 0, false, false},                                   // the first look: nothing was observed before
		{time.Second, 0, time.Second, true, false},                // growing since the start is no sign of life
		{time.Second, 5 * time.Second, time.Second, false, false}, // no touch with the ledger
		{time.Second, 0, 2 * time.Second, true, false},            //
		{time.Second, 0, time.Second / 2, true, true},             // a heartbeat came
		{time.Minute, 0, time.Second, false, true},                // asleep: that minute does not count
		{time.Second, 0, 50 * time.Second, true, true},            // silent, but it was heard
	} {
		now = now.Add(s.pass)
		n.contact.Store(now.Add(-s.sinceContact).UnixNano())
		given = map[string]time.Duration{"n1": s.n1}
		_, heard := n.look(now, ask)
		if counts != s.counts || heard["n1"] != s.heard {
			t.Errorf("look %d: counts %t, heard %t; want %t, %t", i, counts, heard["n1"], s.counts, s.heard)
		}
	}
}
