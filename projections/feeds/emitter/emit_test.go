package emitter_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"cairn/events"
	"cairn/events/feed"
	"cairn/events/ledger/kafka"
	"cairn/events/ledger/ledgertest/kafkatest"
	"cairn/events/wire"
	"cairn/projections/feeds/emitter"
	"cairn/projections/feeds/feedstest"
	"cairn/projections/feeds/hub"
)

// topics names a compacted topic, on a Kafka in this process, that several may open.
type topics struct {
	t      *testing.T
	config kafka.CompactedConfig
}

func newTopics(t *testing.T, partitions int) *topics {
	t.Helper()
	return topicsOn(t, inProcess(t), partitions)
}

func topicsOn(t *testing.T, brokers []string, partitions int) *topics {
	return &topics{t, kafka.CompactedConfig{Brokers: brokers, Topic: kafkatest.Topic(t), Partitions: partitions, CreateReplication: 1}}
}

func inProcess(t *testing.T) []string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatalf("start kfake: %v", err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()
}

// open opens the topic as a process of its own would.
func (s *topics) open() *kafka.Compacted {
	s.t.Helper()
	k, err := kafka.OpenCompacted(s.t.Context(), s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = k.Close() }) // often closed by the test already
	return k
}

// said is the last record of a key.
type said struct {
	partition int
	times     int // records of that key
	offset    events.Offset
	gone      bool
	pod       *feed.Assignment
	service   *feed.Service
}

// until reads the topic until its last records satisfy ok; mark is the lowest
// of all partitions' last marks.
func (s *topics) until(what string, ok func(last map[string]*said, mark events.Offset) bool) {
	s.t.Helper()
	k := s.open()
	defer k.Close()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	type read struct {
		partition int
		records   []kafka.Keyed
	}
	news := make(chan read)
	for p := range k.Partitions() {
		go func() {
			for from := int64(0); ; {
				records, next, err := k.Read(ctx, p, from, 1<<20)
				if err != nil {
					return // the test is done with it
				}
				from = next
				select {
				case news <- read{p, records}:
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	last, marks := map[string]*said{}, map[int]events.Offset{}
	for {
		select {
		case r := <-news:
			for _, m := range r.records {
				s.take(last, marks, r.partition, m)
			}
		case <-ctx.Done():
			s.t.Fatalf("not reached: %s; the topic says %v, marked %v", what, last, marks)
		}
		mark, all := events.Offset(1<<62), len(marks) == k.Partitions()
		for _, o := range marks {
			mark = min(mark, o)
		}
		if !all {
			mark = events.NoOffset
		}
		if ok(last, mark) {
			return
		}
	}
}

func (s *topics) take(last map[string]*said, marks map[int]events.Offset, partition int, m kafka.Keyed) {
	s.t.Helper()
	var a feed.AssignmentEntry
	var v feed.VIPEntry
	if wire.Decode(m.Value, &a) != nil {
		if err := wire.Decode(m.Value, &v); err != nil {
			s.t.Fatalf("record %q is %x: %v", m.Key, m.Value, err)
		}
		a = feed.AssignmentEntry{Offset: v.Offset, Key: v.Key, Mark: v.Mark}
	}
	if a.Mark {
		marks[partition] = max(marks[partition], a.Offset)
		return
	}
	n := last[string(m.Key)]
	if n == nil {
		n = &said{}
		last[string(m.Key)] = n
	}
	*n = said{partition, n.times + 1, a.Offset, a.Pod == nil && v.Service == nil && v.Slice == nil && v.Peer == nil, a.Pod, v.Service}
}

// running gives a hub over a cell, and emit starts an emitter; stop ends it.
func running(t *testing.T, c *feedstest.Cell) *hub.Hub {
	h := hub.New(c, slog.New(slog.DiscardHandler))
	run(t, h.Run)
	return h
}

func run(t *testing.T, f func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func (s *topics) emit(h *hub.Hub, feed func(context.Context, emitter.Source, emitter.Topic) error) (stop func()) {
	k := s.open()
	return run(s.t, func(ctx context.Context) error { return feed(ctx, h, k) })
}

func TestAssignmentsReachTheTopicAndAreRepaired(t *testing.T) {
	t.Run("in process", func(t *testing.T) { reachAndRepair(t, newTopics(t, 3)) })
	t.Run("on Apache Kafka", func(t *testing.T) { reachAndRepair(t, topicsOn(t, []string{kafkatest.Broker(t)}, 3)) })
}

func reachAndRepair(t *testing.T, topic *topics) {
	c := feedstest.Start(t)
	c.Join("n1")
	c.Join("n2")
	placed := c.Place("a", "n1")
	topic.emit(running(t, c), emitter.Assignments)
	topic.until("the pod placed before and a mark", func(last map[string]*said, mark events.Offset) bool {
		a := last["default/a/a"]
		return a != nil && a.pod != nil && a.pod.Epoch == 1 && a.partition == emitter.Partition("n1", 3) && mark >= placed
	})
	// An emitter that was paused long ago puts what it knew then.
	stale := wire.Encode(&feed.AssignmentEntry{Offset: placed - 1, Key: "default/a/a", Pod: &feed.Assignment{Name: "a", Epoch: 9}})
	if err := topic.open().Put(t.Context(), emitter.Partition("n1", 3), []byte("default/a/a"), stale); err != nil {
		t.Fatal(err)
	}
	c.Place("b", "n2")
	topic.until("b placed, a repaired", func(last map[string]*said, _ events.Offset) bool {
		a, b := last["default/a/a"], last["default/b/b"]
		return b != nil && a != nil && a.times == 3 && a.offset == placed
	})
	c.Delete("a", "")
	topic.until("a is to end, and who says so", func(last map[string]*said, _ events.Offset) bool {
		a := last["default/a/a"]
		return a != nil && a.pod != nil && a.pod.Why == "alice from 10.0.0.7"
	})
	removed := c.Report(events.SandboxRemoved, "a", events.Failed, false)
	topic.until("a is gone", func(last map[string]*said, mark events.Offset) bool {
		a := last["default/a/a"]
		return a != nil && a.gone && a.offset == removed && mark >= removed
	})
}

func TestTwoEmittersAgree(t *testing.T) {
	c, topic := feedstest.Start(t), newTopics(t, 1)
	for range 2 {
		topic.emit(running(t, c), emitter.VIPs)
	}
	label := events.Pair{Key: "app", Value: "web"}
	c.Serve("web", label)
	topic.until("the service with an address", func(last map[string]*said, mark events.Offset) bool {
		s := last["default/web"]
		return s != nil && s.service != nil && s.service.Address.IsValid() && mark >= s.offset
	})
	removed := c.Append(&events.Event{Type: events.ObjectDeleted, Subject: events.Ref{Kind: events.Services, Namespace: "default", Name: "web"}, UID: "web"})
	topic.until("its tombstone", func(last map[string]*said, mark events.Offset) bool {
		s := last["default/web"]
		return s != nil && s.gone && s.offset == removed && mark >= removed
	})
}

func TestAnEmitterGoesOnWhereAnotherEnded(t *testing.T) {
	c, topic := feedstest.Start(t), newTopics(t, 2)
	c.Join("n1")
	for i := range 20 {
		c.Place(fmt.Sprint("p", i), "n1")
	}
	end := c.Position().Offset
	stop := topic.emit(running(t, c), emitter.Assignments)
	topic.until("all pods and a mark", func(last map[string]*said, mark events.Offset) bool { return len(last) == 20 && mark >= end })
	stop()
	// While nobody emits, one pod goes and another comes.
	c.Append(&events.Event{Type: events.ObjectDeleted, Subject: feedstest.Pod("p7"), UID: "p7"})
	end = c.Place("late", "n1")
	stop = topic.emit(running(t, c), emitter.Assignments)
	topic.until("what changed, and a mark", func(last map[string]*said, mark events.Offset) bool {
		late := last["default/late/late"]
		return late != nil && late.pod != nil && last["default/p7/p7"].gone && mark >= end
	})
	// And again, with nothing to do: another server takes over.
	stop()
	last := c.Place("last", "n1")
	topic.emit(running(t, c), emitter.Assignments)
	topic.until("the newest alone", func(all map[string]*said, mark events.Offset) bool {
		if mark < last {
			return false
		}
		for key, m := range all {
			if most := map[bool]int{false: 1, true: 2}[m.gone]; m.times > most {
				t.Errorf("%s was put %d times", key, m.times)
			}
		}
		return all["default/last/last"] != nil
	})
}

func TestAnEmitterEndsWithItsTopicAndAnotherFinishesItsWork(t *testing.T) {
	c, topic := feedstest.Start(t), newTopics(t, 2)
	c.Join("n1")
	h := running(t, c)
	k := topic.open()
	ended := make(chan error, 1)
	go func() { ended <- emitter.Assignments(t.Context(), h, k) }()
	placed := c.Place("a", "n1")
	topic.until("the first pod", func(last map[string]*said, _ events.Offset) bool { return last["default/a/a"] != nil })
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	late := c.Place("b", "n1") // perhaps while it is still about to end
	if err := <-ended; err == nil {
		t.Error("an emitter without its topic ended well")
	}
	topic.emit(h, emitter.Assignments)
	topic.until("both pods and a mark", func(last map[string]*said, mark events.Offset) bool {
		a, b := last["default/a/a"], last["default/b/b"]
		return a != nil && a.offset == placed && b != nil && b.offset == late && mark >= late
	})
}
