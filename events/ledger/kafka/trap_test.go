package kafka_test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/events/ledger/kafka"
	"cairn/events/ledger/ledgertest"
)

// Each test here is named for a trap that was measured before the design.

func add(t testing.TB, l ledger.Ledger, records ...string) events.Offset {
	t.Helper()
	b := make([][]byte, len(records))
	for i, r := range records {
		b[i] = []byte(r)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	first, err := l.Append(ctx, b)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	return first
}

func appendOne(l ledger.Ledger, record string) error {
	_, err := l.Append(context.Background(), [][]byte{[]byte(record)})
	return err
}

func wantDamage(t *testing.T, err error) {
	t.Helper()
	var d *ledger.Damage
	if !errors.As(err, &d) {
		t.Fatalf("got %v, want *ledger.Damage", err)
	}
}

func TestAppendWaitsForNoBatchTimeout(t *testing.T) {
	l := open(t, onFake(t, fake(t)))
	add(t, l, "connect")
	start := time.Now()
	for range 10 {
		add(t, l, "x")
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Fatalf("ten appends alone took %v: something waits for company", d)
	}
}

func TestOneProduceRequestIsInFlight(t *testing.T) {
	c := fake(t)
	l := open(t, onFake(t, c))
	var flying, most, requests atomic.Int32
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		requests.Add(1)
		most.Store(max(most.Load(), flying.Add(1)))
		c.SleepControl(func() { time.Sleep(2 * time.Millisecond) }) // another request would be let in now
		flying.Add(-1)
		return nil, nil, false
	})
	const callers = 64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			if err := appendOne(l, "x"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() != 1 {
		t.Fatalf("%d produce requests were in flight at once", most.Load())
	}
	if n := requests.Load(); n > callers/2 {
		t.Fatalf("%d callers took %d requests: no group commit", callers, n)
	}
}

func TestALostAcknowledgementIsUnknownAndNotSentAgain(t *testing.T) {
	c := fake(t)
	l := open(t, onFake(t, c))
	add(t, l, "before")
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut}) // appended all the same
	if err := appendOne(l, "unclear"); !errors.Is(err, ledger.ErrUnknown) {
		t.Fatalf("append that timed out at the broker: %v, want ErrUnknown", err)
	}
	add(t, l, "after")
	if got := texts(t, l); got != "before unclear after" {
		t.Fatalf("there are %q: the record must be there once", got)
	}
}

func TestABrokenConnectionIsUnknown(t *testing.T) {
	c := fake(t)
	l := open(t, onFake(t, c))
	add(t, l, "before")
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		return nil, errors.New("hang up"), true
	})
	if err := appendOne(l, "lost"); !errors.Is(err, ledger.ErrUnknown) {
		t.Fatalf("append whose connection broke: %v, want ErrUnknown", err)
	}
	if first := add(t, l, "after"); first != 1 {
		t.Fatalf("the next append went to %d, want 1", first)
	}
}

func TestNoAnswerIsUnknownAfterTheTimeout(t *testing.T) {
	c := fake(t)
	config := onFake(t, c)
	config.Timeout = 300 * time.Millisecond
	l := open(t, config)
	add(t, l, "before")
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) { return nil, nil, true }) // silence
	start := time.Now()
	if err := appendOne(l, "x"); !errors.Is(err, ledger.ErrUnknown) {
		t.Fatalf("append without an answer: %v, want ErrUnknown", err)
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Fatalf("it took %v to give up", d)
	}
}

func TestARefusalBeforeTheAppendIsTriedAgain(t *testing.T) {
	c := fake(t)
	l := open(t, onFake(t, c))
	h := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: 3})
	if first := add(t, l, "x"); first != 0 {
		t.Fatalf("append went to %d", first)
	}
	if h.Hits() != 3 || l.Renewed() != 1 {
		t.Fatalf("%d refusals, %d new transports; want 3 and 1", h.Hits(), l.Renewed())
	}
}

func TestABatchThatIsTooLargeForTheTopicDoesNotFailItsNeighbours(t *testing.T) {
	c := fake(t)
	l := open(t, onFake(t, c))
	reject := func(r kmsg.Request) bool { // as a topic with a small max.message.bytes would
		return len(r.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Records) > 1000
	}
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.MessageTooLarge, Count: -1, When: reject})
	const callers = 40
	var refused atomic.Int32
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			err := appendOne(l, strings.Repeat("x", 40))
			if i == 7 {
				err = appendOne(l, strings.Repeat("y", 2000))
			}
			if errors.Is(err, ledger.ErrTooLarge) && i == 7 {
				refused.Add(1)
			} else if err != nil {
				t.Errorf("caller %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if end := len(ledgertest.ReadAll(t, l)); end != callers || refused.Load() != 1 {
		t.Fatalf("%d records are there, %d were refused; want %d and 1", end, refused.Load(), callers)
	}
}

func TestRecordsDeletedFromTheStartAreDamageAndNotJumpedOver(t *testing.T) {
	c := fake(t)
	config := onFake(t, c)
	l := open(t, config)
	add(t, l, "a", "b", "c")
	add(t, l, "d")
	if err := c.DeleteRecords(config.Topic, 0, 3); err != nil {
		t.Fatal(err)
	}
	for from := range events.Offset(3) {
		_, err := l.Fetch(t.Context(), from, 1000)
		wantDamage(t, err)
	}
	if r, err := l.Fetch(t.Context(), 3, 1000); err != nil || len(r) != 1 {
		t.Fatalf("fetch of what is left: %d records, %v", len(r), err)
	}
}

func TestATopicMadeAnewIsDamage(t *testing.T) {
	c := fake(t)
	config := onFake(t, c)
	l := open(t, config)
	add(t, l, "a", "b")
	if err := c.DeleteTopic(config.Topic); err != nil {
		t.Fatal(err)
	}
	if err := c.CreateTopic(config.Topic, 1, nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := l.Fetch(ctx, 2, 1000)
	wantDamage(t, err)
}

func TestGapsAndForeignBatchesAreDamage(t *testing.T) {
	join := func(batches ...[]byte) (all []byte) {
		for _, b := range batches {
			all = append(all, b...)
		}
		return all
	}
	broken := kafka.Batch(0, "abc")
	broken[len(broken)-2] ^= 1
	cases := []struct {
		name string
		b    []byte
		from int64
		want int // records; -1: damage
	}{
		{"whole", join(kafka.Batch(0, "a", "b"), kafka.Batch(2, "c")), 0, 3},
		{"from the middle of a batch", join(kafka.Batch(0, "a", "b"), kafka.Batch(2, "c")), 1, 2},
		{"the last batch is cut by the answer's limit", join(kafka.Batch(0, "a"), kafka.Batch(1, "b")[:50]), 0, 1},
		{"a gap between batches", join(kafka.Batch(0, "a"), kafka.Batch(2, "c")), 0, -1},
		{"a gap before the first", kafka.Batch(5, "a"), 4, -1},
		{"a batch twice", join(kafka.Batch(0, "a"), kafka.Batch(0, "a")), 0, -1},
		{"a broken checksum", broken, 0, -1},
	}
	for _, c := range cases {
		n, err := kafka.Decode(c.b, c.from)
		if c.want < 0 {
			wantDamage(t, err)
		} else if err != nil || n != c.want {
			t.Errorf("%s: %d records, %v; want %d", c.name, n, err, c.want)
		}
	}
}

func TestALeaderThatMovesIsFound(t *testing.T) {
	c := fake(t, kfake.NumBrokers(2))
	config := onFake(t, c)
	config.Marker = func() []byte { return []byte("mark") }
	l := open(t, config)
	if first := add(t, l, "a"); first != 0 {
		t.Fatalf("append went to %d", first)
	}
	leader := c.LeaderFor(config.Topic, 0)
	if err := c.MoveTopicPartition(config.Topic, 0, 1-leader); err != nil {
		t.Fatal(err)
	}
	if _, err := l.ReadPoint(t.Context()); err != nil {
		t.Fatalf("a read point while the leader moves: %v", err)
	}
	for err := ledger.ErrUnknown; err != nil; err = appendOne(l, "b") { // at most until the metadata is read again
		if !errors.Is(err, ledger.ErrUnknown) {
			t.Fatalf("append after the move: %v", err)
		}
	}
	if got := strings.ReplaceAll(texts(t, l), "mark ", ""); got != "a b mark" {
		t.Fatalf("there are %q", got)
	}
}

func TestSeveralBrokersNeedAMarkerAndShareIt(t *testing.T) {
	c := fake(t, kfake.NumBrokers(3))
	config := onFake(t, c)
	if _, err := tryOpen(t, config); !errors.Is(err, ledger.ErrSettings) {
		t.Fatalf("open without a marker: %v", err)
	}
	var marks atomic.Int32
	config.Marker = func() []byte { marks.Add(1); return []byte("mark") }
	l := open(t, config)
	add(t, l, "a")
	const readers = 200
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			if end, err := l.ReadPoint(t.Context()); err != nil || end < 2 {
				t.Errorf("read point %d, %v", end, err)
			}
		})
	}
	wg.Wait()
	if n := marks.Load(); n == 0 || n > readers/2 {
		t.Fatalf("%d readers appended %d marks", readers, n)
	}
}

func TestABrokerThatComesBackIsFoundAgain(t *testing.T) {
	dir := t.TempDir()
	first, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(dir), kfake.SyncWrites())
	if err != nil {
		t.Fatal(err)
	}
	addr := first.ListenAddrs()[0]
	_, portText, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		t.Fatal(err)
	}
	config := onFake(t, first)
	config.Timeout = 1500 * time.Millisecond
	l := open(t, config)
	add(t, l, "a")
	waiting := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		for {
			_, err := l.Fetch(ctx, 1, 1000)
			if !errors.Is(err, ledger.ErrUnreachable) {
				waiting <- err
				return
			}
		}
	}()
	first.Close()
	if err := appendOne(l, "nobody listens"); err == nil {
		t.Fatal("append without a broker succeeded")
	}
	if err := appendOne(l, "nobody listens"); !errors.Is(err, ledger.ErrUnreachable) || errors.Is(err, ledger.ErrUnknown) {
		t.Fatalf("append without a broker: %v, want ErrUnreachable, nothing appended", err)
	}
	second, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(dir), kfake.SyncWrites(), kfake.Ports(port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.Close)
	if at := add(t, l, "b"); at != 1 {
		t.Fatalf("append went to %d, want 1", at)
	}
	if err := <-waiting; err != nil {
		t.Fatalf("fetch that waited through it all: %v", err)
	}
}

func TestAMissingTopicIsNotAskedForAMillionTimes(t *testing.T) {
	c := fake(t)
	config := onFake(t, c)
	config.Timeout = 500 * time.Millisecond
	l := open(t, config)
	add(t, l, "a")
	if err := c.DeleteTopic(config.Topic); err != nil {
		t.Fatal(err)
	}
	h := c.Fault(kfake.Fault{Count: -1, Observe: true})
	for err := error(nil); !errors.Is(err, ledger.ErrUnreachable); { // unknown until the metadata is read again
		if err = appendOne(l, "b"); !errors.Is(err, ledger.ErrUnreachable) && !errors.Is(err, ledger.ErrUnknown) {
			t.Fatalf("append to a topic that is gone: %v, want ErrUnreachable", err)
		}
	}
	if n := h.Hits(); n > 200 {
		t.Fatalf("%d requests in a second or two: no back-off", n)
	}
}

func texts(t testing.TB, l ledger.Ledger) string {
	t.Helper()
	var s []string
	for _, r := range ledgertest.ReadAll(t, l) {
		s = append(s, string(r.Data))
	}
	return strings.Join(s, " ")
}
