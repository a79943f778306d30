package kafka_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"cairn/events/ledger"
	"cairn/events/ledger/kafka"
	"cairn/events/ledger/ledgertest"
	"cairn/events/ledger/ledgertest/kafkatest"
)

// fake starts a Kafka-protocol server in this process. It knows no append
// time; TestLedgerTimeIsTheBrokersAppendTime has the real one.
func fake(t testing.TB, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatalf("start kfake: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}

// onFake names a new topic on a fake.
func onFake(t testing.TB, c *kfake.Cluster) kafka.Config {
	t.Helper()
	return kafka.Config{Brokers: c.ListenAddrs(), Topic: kafkatest.Topic(t), CreateReplication: 1}.WithWriterTime()
}

// onKafka names a new topic on Apache Kafka.
func onKafka(t testing.TB) kafka.Config {
	t.Helper()
	return kafka.Config{Brokers: []string{kafkatest.Broker(t)}, Topic: kafkatest.Topic(t), CreateReplication: 1}
}

func tryOpen(t testing.TB, c kafka.Config) (*kafka.Log, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	l, err := kafka.Open(ctx, c)
	if err == nil {
		t.Cleanup(func() { _ = l.Close() }) // often closed by the test already
	}
	return l, err
}

func open(t testing.TB, c kafka.Config) *kafka.Log {
	t.Helper()
	l, err := tryOpen(t, c)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return l
}

func suite(t *testing.T, fresh func(t *testing.T) kafka.Config) {
	ledgertest.Run(t, func(t *testing.T) ledger.Ledger { return open(t, fresh(t)) })
	ledgertest.RunReopen(t, func(t *testing.T) func() ledger.Ledger {
		c := fresh(t)
		return func() ledger.Ledger { return open(t, c) }
	})
}

func TestSuiteInProcess(t *testing.T) {
	c := fake(t)
	suite(t, func(t *testing.T) kafka.Config { return onFake(t, c) })
}

func TestSuiteOnApacheKafka(t *testing.T) {
	suite(t, func(t *testing.T) kafka.Config { return onKafka(t) })
}

func TestABrokerThatIsNotThere(t *testing.T) {
	_, err := tryOpen(t, kafka.Config{Brokers: []string{"127.0.0.1:1"}, Topic: "x", CreateReplication: 1, Timeout: time.Second})
	if !errors.Is(err, ledger.ErrUnreachable) || !strings.Contains(err.Error(), "127.0.0.1:1") || !strings.Contains(err.Error(), "start the broker") {
		t.Fatalf("open: %v, want ErrUnreachable with the address and what to do", err)
	}
}

func TestAMissingTopicIsNotMadeUnasked(t *testing.T) {
	addr := fake(t).ListenAddrs()[0]
	_, err := tryOpen(t, kafka.Config{Brokers: []string{addr}, Topic: "missing"})
	if !errors.Is(err, ledger.ErrUnreachable) || !strings.Contains(err.Error(), "missing") {
		t.Fatalf("open: %v, want ErrUnreachable that names the topic", err)
	}
}

func TestALedgerHasOnePartition(t *testing.T) {
	c := fake(t)
	if err := c.CreateTopic("wide", 3, nil); err != nil {
		t.Fatal(err)
	}
	_, err := tryOpen(t, kafka.Config{Brokers: c.ListenAddrs(), Topic: "wide"})
	if !errors.Is(err, ledger.ErrSettings) || !strings.Contains(err.Error(), "3 partitions") {
		t.Fatalf("open: %v, want ErrSettings", err)
	}
}

func TestNothingToConnectTo(t *testing.T) {
	for _, c := range []kafka.Config{{Topic: "x"}, {Brokers: []string{"127.0.0.1:1"}}} {
		if _, err := tryOpen(t, c); !errors.Is(err, ledger.ErrSettings) {
			t.Fatalf("open %v: %v", c, err)
		}
	}
}
