package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/events/ledger/group"
)

// Config names a ledger on Kafka.
type Config struct {
	Brokers []string // HOST:PORT, at least one
	Topic   string
	// CreateReplication is the number of replicas of a topic that is missing;
	// 0: a missing topic is an error.
	CreateReplication int
	// Timeout is how long to go on when nothing answers; 10 s if 0.
	Timeout time.Duration
	// Marker makes a record of ours for ReadPoint to append; needed where the
	// cluster has several brokers.
	Marker func() []byte

	// writerTime takes records that have their writer's time: kfake, against
	// which the tests run, knows no append time.
	writerTime bool
	// unsynced leaves flush.messages as it is, for a test that shows what
	// it is good for.
	unsynced bool
}

// Log is a ledger on a Kafka topic. Make one with Open.
type Log struct {
	link   *link
	queue  *group.Queue
	marker func() []byte // nil: the end offset is a read point

	writerTime bool // of Config

	ctx    context.Context
	cancel context.CancelFunc
	idle   chan struct{} // closed when the committer has ended

	mu   sync.Mutex
	next *round // of ReadPoint, not yet begun; nil: none waits
	busy bool   // a round is under way
}

var _ ledger.Ledger = (*Log)(nil)

// Open connects to the ledger and checks its topic. Errors: ErrUnreachable with
// the address, ErrSettings with what is wrong and the command that mends it.
func Open(ctx context.Context, c Config) (*Log, error) {
	if len(c.Brokers) == 0 || c.Topic == "" {
		return nil, fmt.Errorf("%w: a ledger on Kafka needs a broker's address and a topic", ledger.ErrSettings)
	}
	l := &Log{
		link:  newLink(c.Brokers, c.Topic, c.Timeout),
		queue: group.New(group.Limits{GroupBytes: ledger.MaxAppendBytes, GroupRecords: ledger.MaxAppendRecords, QueueBytes: 64 << 20, QueueRecords: 1 << 16}),
		idle:  make(chan struct{}),

		writerTime: c.writerTime,
	}
	settings := ledgerSettings
	if c.unsynced {
		settings = unsyncedSettings
	}
	s, err := l.link.open(ctx, 1, c.CreateReplication, settings)
	if err == nil && s.brokers > 1 {
		if l.marker = c.Marker; c.Marker == nil {
			err = fmt.Errorf("%w: Kafka at %v has %d brokers: a read point needs Config.Marker", ledger.ErrSettings, c.Brokers, s.brokers)
		}
	}
	if err != nil {
		l.link.close()
		return nil, err
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	go l.commitAll()
	return l, nil
}

// Append implements ledger.Ledger.
func (l *Log) Append(ctx context.Context, records [][]byte) (events.Offset, error) {
	return l.queue.Do(ctx, records)
}

// Close implements ledger.Ledger. An append under way gets ErrUnknown.
func (l *Log) Close() error {
	l.queue.End(ledger.ErrClosed)
	l.cancel()
	<-l.idle
	l.link.close()
	return nil
}

// either returns a context that ends with ctx or with the log.
func (l *Log) either(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(l.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// ended says why a context made by either has ended.
func (l *Log) ended(ctx context.Context) error {
	if l.ctx.Err() != nil {
		return ledger.ErrClosed
	}
	return ctx.Err()
}

func (l *Log) damage(o int64, what string) error {
	return &ledger.Damage{Where: l.link.where(), Offset: events.Offset(o), Byte: -1, What: what}
}

var errEmpty = errors.New("no record yet")
