package kafka

import (
	"errors"
	"time"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/events/ledger/group"
)

// commitAll is the committer: it has one produce request in flight, so that
// the order of groups is the order of offsets.
func (l *Log) commitAll() {
	defer close(l.idle)
	var buf []byte
	for {
		calls := l.queue.Take()
		if calls == nil {
			return
		}
		first, err := l.commit(&buf, calls)
		if errors.Is(err, ledger.ErrTooLarge) && len(calls) > 1 {
			for _, c := range calls { // the group is too large for this topic, its calls may not be
				c.Resolve(l.commit(&buf, []*group.Call{c}))
			}
			continue
		}
		group.Resolve(calls, first, err)
	}
}

func (l *Log) commit(buf *[]byte, calls []*group.Call) (events.Offset, error) {
	var entries []entry
	for _, c := range calls {
		for _, r := range c.Records {
			entries = append(entries, entry{value: r})
		}
	}
	// A request that was given up may still be in the hands of kafka-go: the
	// buffer is reused only when the answer has come.
	b := encodeBatch((*buf)[:0], entries, time.Now().UnixMilli())
	*buf = nil
	base, err := l.link.produce(l.ctx, 0, b)
	if err != nil {
		return events.NoOffset, err
	}
	*buf = b
	return events.Offset(base), nil
}
