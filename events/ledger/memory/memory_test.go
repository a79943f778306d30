package memory_test

import (
	"sync/atomic"
	"testing"
	"time"

	"cairn/events/ledger"
	"cairn/events/ledger/ledgertest"
	"cairn/events/ledger/memory"
)

func now() int64 { return time.Now().UnixNano() }

func TestSuite(t *testing.T) {
	ledgertest.Run(t, func(*testing.T) ledger.Ledger { return memory.New(now) })
}

func TestSuiteReopened(t *testing.T) {
	ledgertest.RunReopen(t, func(*testing.T) func() ledger.Ledger {
		l := memory.New(now)
		return func() ledger.Ledger {
			l = l.Reopen()
			return l
		}
	})
}

func TestTimesNeverGoBackThoughTheClockDoes(t *testing.T) {
	var tick atomic.Int64
	tick.Store(1000)
	ledgertest.RunMonotone(t, memory.New(func() int64 { return tick.Add(-7) }))
}
