package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"cairn/events/ledger"
)

const (
	// renewAfter is the number of failures in a row after which the transport
	// is thrown away: it refreshes its metadata on a timer only, and never
	// forgets a broker's address that has become wrong.
	renewAfter  = 3
	metadataTTL = time.Second
	dialTimeout = 3 * time.Second
)

// link is the connection to a cluster for the sake of one topic.
type link struct {
	brokers []string
	topic   string
	addr    net.Addr
	timeout time.Duration // how long to go on when nothing answers

	mu        sync.Mutex
	transport *kafkago.Transport
	failures  int // in a row, with this transport
	renewed   int // transports thrown away
	unclear   int // produce requests in a row whose outcome is unknown
}

func newLink(brokers []string, topic string, timeout time.Duration) *link {
	if timeout <= 0 {
		timeout = 10 * time.Second
	}
	l := &link{brokers: brokers, topic: topic, addr: kafkago.TCP(brokers...), timeout: timeout}
	l.transport = l.newTransport()
	return l
}

func (l *link) newTransport() *kafkago.Transport {
	return &kafkago.Transport{
		ClientID:       clientID,
		DialTimeout:    dialTimeout,
		MetadataTTL:    metadataTTL,
		MetadataTopics: []string{l.topic},
	}
}

func (l *link) current() *kafkago.Transport {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.transport
}

func (l *link) client() *kafkago.Client {
	return &kafkago.Client{Addr: l.addr, Transport: l.current()}
}

// roundTrip sends one request to the leader.
func (l *link) roundTrip(ctx context.Context, m protocol.Message) (protocol.Message, error) {
	return l.current().RoundTrip(ctx, l.addr, m)
}

// report counts what came of a request, and renews the transport after some
// failures in a row.
func (l *link) report(ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ok {
		l.failures = 0
		return
	}
	if l.failures++; l.failures >= renewAfter {
		l.transport.CloseIdleConnections()
		l.transport = l.newTransport()
		l.failures = 0
		l.renewed++
	}
}

func (l *link) close() { l.current().CloseIdleConnections() }

func (l *link) where() string { return "topic " + l.topic + " at " + strings.Join(l.brokers, ",") }

// unreachable says whom we could not reach and what to do.
func (l *link) unreachable(err error) error {
	return fmt.Errorf("%w: no answer from Kafka for %s: start the broker or correct its address (kafka://HOST:PORT): %w", ledger.ErrUnreachable, l.where(), err)
}

// backoff waits before another try, longer each time, up to half a second.
func backoff(ctx context.Context, try int) error {
	t := time.NewTimer(min(10*time.Millisecond<<min(try, 6), 500*time.Millisecond))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// produce appends one batch to a partition and returns its first offset. It
// tries again as long as it is certain that nothing was appended and the time
// is not up: so no try before the last one can have left anything. Errors:
// ErrUnknown, ErrUnreachable, ErrTooLarge, or the broker's refusal (nothing
// appended); ctx is the driver's, its end means ErrClosed.
func (l *link) produce(ctx context.Context, partition int32, batch []byte) (int64, error) {
	deadline := time.Now().Add(l.timeout)
	for try := 0; ; try++ {
		base, err := l.produceOnce(ctx, partition, batch)
		l.pace(ctx, errors.Is(err, ledger.ErrUnknown))
		if err == nil {
			return base, nil
		}
		if !errors.Is(err, errAgain) {
			return 0, err
		}
		if ctx.Err() != nil {
			return 0, ledger.ErrClosed
		}
		if time.Now().After(deadline) {
			return 0, l.unreachable(err)
		}
		if backoff(ctx, try) != nil {
			return 0, ledger.ErrClosed
		}
	}
}

// pace holds an unknown outcome back for a moment, longer each time: a broker
// may answer at once, and who sends the same bytes again must not be able to
// do so a million times a second.
func (l *link) pace(ctx context.Context, unknown bool) {
	l.mu.Lock()
	n := l.unclear
	if l.unclear++; !unknown {
		l.unclear = 0
	}
	l.mu.Unlock()
	if unknown {
		_ = backoff(ctx, n) // its end is the next call's to see
	}
}

// errAgain: nothing was appended, and another try may do better.
var errAgain = errors.New("not appended")

func (l *link) produceOnce(ctx context.Context, partition int32, batch []byte) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	// The broker gives up before we do, so that its answer can be an honest one.
	req := &produceRequest{target: target{l.topic, partition}, timeoutMs: int32(l.timeout.Milliseconds() / 2), batch: batch}
	m, err := l.roundTrip(ctx, req)
	if err != nil {
		l.report(false)
		if req.withdraw() {
			return 0, fmt.Errorf("%w: %w", errAgain, err)
		}
		return 0, fmt.Errorf("%w: no answer from Kafka for %s: %w", ledger.ErrUnknown, l.where(), err)
	}
	resp := m.(*produceResponse)
	l.report(resp.code == 0)
	if resp.code == 0 && resp.base >= 0 {
		return resp.base, nil
	}
	why, proved := neverAppended(resp.code)
	switch {
	case !proved:
		return 0, fmt.Errorf("%w: Kafka answers for %s: %w", ledger.ErrUnknown, l.where(), resp.code)
	case passes(resp.code):
		return 0, fmt.Errorf("%w: %w", errAgain, resp.code)
	case resp.code == kafkago.MessageSizeTooLarge || resp.code == kafkago.RecordListTooLarge:
		return 0, fmt.Errorf("%w: Kafka takes no batch of %d bytes on %s: raise max.message.bytes to %d", ledger.ErrTooLarge, len(batch), l.where(), maxMessageBytes)
	}
	return 0, fmt.Errorf("ledger: Kafka refuses the append to %s, nothing was appended (%s): %w", l.where(), why, resp.code)
}

// fetch asks the leader once, waiting up to wait for records.
func (l *link) fetch(ctx context.Context, partition int32, from int64, maxBytes int, wait time.Duration) (*fetchResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+l.timeout)
	defer cancel()
	req := &fetchRequest{target: target{l.topic, partition}, from: from,
		maxBytes: int32(min(max(maxBytes, 1), 64<<20)), maxWaitMs: int32(wait.Milliseconds())}
	m, err := l.roundTrip(ctx, req)
	if err != nil {
		return nil, err
	}
	return m.(*fetchResponse), nil
}

// bounds returns the partition's first offset and its end.
func (l *link) bounds(ctx context.Context, partition int) (start, end int64, err error) {
	p, err := l.offsets(ctx, partition, kafkago.FirstOffsetOf(partition), kafkago.LastOffsetOf(partition))
	return p.FirstOffset, p.LastOffset, err
}

// end returns the partition's high watermark, asked of its leader.
func (l *link) end(ctx context.Context, partition int) (int64, error) {
	p, err := l.offsets(ctx, partition, kafkago.LastOffsetOf(partition))
	return p.LastOffset, err
}

func (l *link) offsets(ctx context.Context, partition int, what ...kafkago.OffsetRequest) (kafkago.PartitionOffsets, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	resp, err := l.client().ListOffsets(ctx, &kafkago.ListOffsetsRequest{
		Topics: map[string][]kafkago.OffsetRequest{l.topic: what},
	})
	if err != nil {
		return kafkago.PartitionOffsets{}, err
	}
	for _, p := range resp.Topics[l.topic] {
		if p.Partition == partition {
			return p, p.Error
		}
	}
	return kafkago.PartitionOffsets{}, kafkago.UnknownTopicOrPartition
}

// persist calls ask until it succeeds, ctx ends, or it has failed for as long
// as the link goes on.
func (l *link) persist(ctx context.Context, ask func() error) error {
	deadline := time.Now().Add(l.timeout)
	for try := 0; ; try++ {
		err := ask()
		l.report(err == nil)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(deadline) {
			return l.unreachable(err)
		}
		if err := backoff(ctx, try); err != nil {
			return err
		}
	}
}
