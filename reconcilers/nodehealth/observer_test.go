package nodehealth_test

import (
	"testing"
	"time"

	"cairn/reconcilers/nodehealth"
)

func TestOnlyConnectedWakingTimeCountsAsSilence(t *testing.T) {
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	heard := map[string]time.Time{"n1": start}
	o := nodehealth.NewObserver(func() map[string]time.Time { return heard })
	for _, s := range []struct {
		at        int // seconds
		connected bool
		want      int // of n1
		never     int
		beat      bool
	}{
		{0, true, 0, 0, false},
		{1, true, 1, 1, false},
		{2, false, 1, 1, false},  // cut off: nobody could be heard
		{10, false, 1, 1, false}, // still
		{11, true, 1, 1, false},  // back, but not for the second before
		{12, true, 2, 2, false},
		{112, true, 5, 5, false}, // asleep for 100 s: 3 count
		{113, true, 0, 6, true},
		{114, true, 1, 7, false},
	} {
		now := start.Add(time.Duration(s.at) * time.Second)
		if s.beat {
			heard["n1"] = now
		}
		got := o.Silence(now, s.connected)
		if got["n1"] != time.Duration(s.want)*time.Second || got[nodehealth.Never] != time.Duration(s.never)*time.Second {
			t.Fatalf("at %d s: silence %v, want %d s and %d s", s.at, got, s.want, s.never)
		}
	}
}
