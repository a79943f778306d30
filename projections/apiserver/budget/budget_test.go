package budget

import (
	"fmt"
	"testing"
	"time"
)

func TestEachUserHasABucketOfTheirOwn(t *testing.T) {
	b, now := New(Limits{Rate: 10, Burst: 5}), time.Unix(1000, 0)
	for i := range 5 {
		if wait := b.Spend("bob", now); wait != 0 {
			t.Fatalf("record %d of the burst waits %v", i, wait)
		}
	}
	if wait := b.Spend("bob", now); wait != 100*time.Millisecond {
		t.Errorf("beyond the burst: %v", wait)
	}
	if wait := b.Spend("bob", now); wait != 100*time.Millisecond {
		t.Errorf("what was refused was spent: %v", wait)
	}
	if wait := b.Spend("eve", now); wait != 0 {
		t.Errorf("eve waits for bob: %v", wait)
	}
	if wait := b.Spend("bob", now.Add(100*time.Millisecond)); wait != 0 {
		t.Errorf("refilled, and yet: %v", wait)
	}
	later, spent := now.Add(time.Hour), 0
	for b.Spend("bob", later) == 0 {
		spent++
	}
	if spent != 5 {
		t.Errorf("an hour saved up %d records", spent)
	}
}

func TestQuietUsersAreForgotten(t *testing.T) {
	b, now := New(Limits{Rate: 10, Burst: 5}), time.Unix(1000, 0)
	for i := range 3 * crowd {
		b.Spend(fmt.Sprint(i), now.Add(time.Duration(i)*time.Second))
	}
	if len(b.buckets) > crowd {
		t.Errorf("%d users are remembered", len(b.buckets))
	}
}

func TestLimitsHaveDefaults(t *testing.T) {
	for in, want := range map[Limits]Limits{
		{}:                   {DefaultRate, DefaultBurst},
		{Rate: 10}:           {10, 100},
		{Rate: 10, Burst: 7}: {10, 7},
	} {
		if got := New(in).Limits(); got != want {
			t.Errorf("%+v: %+v", in, got)
		}
	}
	if got := (Limits{}).Times(10); got.Rate != 10*DefaultRate || got.Burst != 10*DefaultBurst {
		t.Errorf("ten times: %+v", got)
	}
	if New(Limits{Rate: -1}).Spend("bob", time.Time{}) != 0 {
		t.Error("limited without a limit")
	}
}
