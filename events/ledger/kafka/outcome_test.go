package kafka_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"cairn/events/ledger"
	"cairn/events/ledger/kafka"
)

// answer lets the cluster answer the next produce request with err, after it
// has appended a record of that text or, without one, nothing.
func answer(t *testing.T, c *kfake.Cluster, topic, text string, err *kerr.Error) {
	t.Helper()
	other, cerr := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...))
	if cerr != nil {
		t.Fatal(cerr)
	}
	t.Cleanup(other.Close)
	var once atomic.Bool
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		if once.Swap(true) {
			return nil, nil, false // the append beside
		}
		if text != "" {
			c.SleepControl(func() {
				if err := other.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte(text)}).FirstErr(); err != nil {
					t.Errorf("append beside the driver: %v", err)
				}
			})
		}
		resp := r.ResponseKind().(*kmsg.ProduceResponse)
		for _, rt := range r.(*kmsg.ProduceRequest).Topics {
			st := kmsg.NewProduceResponseTopic()
			st.Topic = rt.Topic
			for _, rp := range rt.Partitions {
				sp := kmsg.NewProduceResponseTopicPartition()
				sp.Partition, sp.ErrorCode, sp.BaseOffset = rp.Partition, err.Code, -1
				st.Partitions = append(st.Partitions, sp)
			}
			resp.Topics = append(resp.Topics, st)
		}
		return resp, nil, true
	})
}

// A leader that was deposed while it waited for the others answers so, and the
// batch may stand in the next leader's log too.
func TestALeaderDeposedAfterItsAppendMakesTheOutcomeUnknown(t *testing.T) {
	for _, code := range []*kerr.Error{kerr.NotLeaderForPartition, kerr.UnknownTopicOrPartition, kerr.KafkaStorageError, kerr.LeaderNotAvailable,
		kerr.NotEnoughReplicasAfterAppend, kerr.RequestTimedOut, kerr.UnknownServerError, kerr.FencedLeaderEpoch, kerr.ReplicaNotAvailable} {
		t.Run(code.Message, func(t *testing.T) {
			c := fake(t, kfake.NumBrokers(3))
			config := onFake(t, c)
			config.Marker = func() []byte { return []byte("mark") }
			l := open(t, config)
			add(t, l, "before")
			answer(t, c, config.Topic, "unclear", code)
			if err := appendOne(l, "unclear"); !errors.Is(err, ledger.ErrUnknown) {
				t.Fatalf("append answered with %s: %v, want ErrUnknown", code.Message, err)
			}
			add(t, l, "after")
			if got := texts(t, l); got != "before unclear after mark" {
				t.Fatalf("there are %q: the record was sent again without a word", got)
			}
		})
	}
}

func TestAnErrorFromBeforeTheAppendIsADefiniteNo(t *testing.T) {
	c := fake(t)
	config := onFake(t, c)
	l := open(t, config)
	for _, code := range []*kerr.Error{kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.InvalidRecord, kerr.InvalidTimestamp,
		kerr.CorruptMessage, kerr.InvalidRequiredAcks, kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.UnsupportedForMessageFormat} {
		answer(t, c, config.Topic, "", code)
		if err := appendOne(l, "no"); err == nil || errors.Is(err, ledger.ErrUnknown) || errors.Is(err, ledger.ErrUnreachable) {
			t.Errorf("append answered with %s: %v, want a plain refusal", code.Message, err)
		}
	}
	add(t, l, "yes")
	if got := texts(t, l); got != "yes" {
		t.Fatalf("there are %q", got)
	}
}

func TestAFeedsRecordIsPutAgainWhenItsOutcomeIsUnknown(t *testing.T) {
	c := fake(t)
	f := openFeed(t, kafka.CompactedConfig{Brokers: c.ListenAddrs(), Topic: "feed", CreateReplication: 1})
	answer(t, c, "feed", "", kerr.NotLeaderForPartition)
	if err := f.Put(t.Context(), 0, []byte("k"), []byte("v")); err != nil {
		t.Fatal(err)
	}
	if got := readTo(t, f, 0, 0, 1000); len(got) != 1 {
		t.Fatalf("there are %d records", len(got))
	}
}

func TestAReadPointOutlivesALostMark(t *testing.T) {
	c := fake(t, kfake.NumBrokers(3))
	config := onFake(t, c)
	marks := 0
	config.Marker = func() []byte { marks++; return fmt.Append(nil, "mark", marks) }
	config.Timeout = 20 * time.Second
	l := open(t, config)
	add(t, l, "a")
	answer(t, c, config.Topic, "", kerr.NotLeaderForPartition)
	if end, err := l.ReadPoint(t.Context()); err != nil || end != 2 {
		t.Fatalf("read point %d, %v", end, err)
	}
	if got := texts(t, l); !strings.HasPrefix(got, "a mark2") {
		t.Fatalf("there are %q", got)
	}
}
