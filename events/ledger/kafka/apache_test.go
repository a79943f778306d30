package kafka_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"cairn/events/ledger"
	"cairn/events/ledger/kafka"
	"cairn/events/ledger/ledgertest"
	"cairn/events/ledger/ledgertest/kafkatest"
)

// The tests here ask Apache Kafka itself.

// admin is a client beside the driver.
func admin(t testing.TB) *kafkago.Client {
	t.Helper()
	return &kafkago.Client{Addr: kafkago.TCP(kafkatest.Broker(t)), Timeout: 20 * time.Second}
}

func createTopic(t testing.TB, topic string, config map[string]string) {
	t.Helper()
	c := kafkago.TopicConfig{Topic: topic, NumPartitions: 1, ReplicationFactor: 1}
	for k, v := range config {
		c.ConfigEntries = append(c.ConfigEntries, kafkago.ConfigEntry{ConfigName: k, ConfigValue: v})
	}
	resp, err := admin(t).CreateTopics(t.Context(), &kafkago.CreateTopicsRequest{Topics: []kafkago.TopicConfig{c}})
	if err == nil {
		err = resp.Errors[topic]
	}
	if err != nil {
		t.Fatalf("create %s: %v", topic, err)
	}
}

// TestLedgerTimeIsTheBrokersAppendTime writes a batch with a writer's time of
// long ago: the ledger shows when the broker took it.
func TestLedgerTimeIsTheBrokersAppendTime(t *testing.T) {
	config := onKafka(t)
	l := open(t, config)
	before := time.Now().Truncate(time.Millisecond)
	_, err := admin(t).Produce(t.Context(), &kafkago.ProduceRequest{
		Topic: config.Topic, RequiredAcks: kafkago.RequireAll,
		Records: kafkago.NewRecordReader(
			kafkago.Record{Time: time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC), Value: kafkago.NewBytes([]byte("old"))},
			kafkago.Record{Time: time.Date(2091, 2, 3, 4, 5, 6, 0, time.UTC), Value: kafkago.NewBytes([]byte("from the future"))},
		),
	})
	after := time.Now()
	if err != nil {
		t.Fatalf("produce: %v", err)
	}
	for _, r := range ledgertest.ReadAll(t, l) {
		if at := time.Unix(0, r.Time); at.Before(before) || at.After(after) {
			t.Fatalf("%q has ledger time %v, the broker took it between %v and %v", r.Data, at, before, after)
		}
	}
}

func TestAWritersTimeIsRefused(t *testing.T) {
	config := onKafka(t)
	l := open(t, config)
	_, err := admin(t).IncrementalAlterConfigs(t.Context(), &kafkago.IncrementalAlterConfigsRequest{Resources: []kafkago.IncrementalAlterConfigsRequestResource{{
		ResourceType: kafkago.ResourceTypeTopic, ResourceName: config.Topic,
		Configs: []kafkago.IncrementalAlterConfigsRequestConfig{{Name: "message.timestamp.type", Value: "CreateTime", ConfigOperation: kafkago.ConfigOperationSet}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for { // the broker takes a moment to apply it
		at := add(t, l, "x")
		_, err := l.Fetch(t.Context(), at, 1000)
		var d *ledger.Damage
		if errors.As(err, &d) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("records with a writer's time are served as good: %v", err)
		}
	}
}

func TestWrongSettingsAreNamedWithTheirCure(t *testing.T) {
	right := map[string]string{
		"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1", "message.timestamp.type": "LogAppendTime",
		"max.message.bytes": "2097152", "unclean.leader.election.enable": "false", "flush.messages": "1",
	}
	wrong := map[string]string{
		"cleanup.policy": "compact", "retention.ms": "604800000", "retention.bytes": "1000000000", "message.timestamp.type": "CreateTime",
		"max.message.bytes": "1048588", "unclean.leader.election.enable": "true", "compression.type": "gzip", "flush.messages": "9223372036854775807",
	}
	addr := kafkatest.Broker(t)
	for name, value := range wrong {
		topic := kafkatest.Topic(t)
		config := map[string]string{name: value}
		for k, v := range right {
			if k != name {
				config[k] = v
			}
		}
		createTopic(t, topic, config)
		_, err := tryOpen(t, kafka.Config{Brokers: []string{addr}, Topic: topic, CreateReplication: 1})
		if !errors.Is(err, ledger.ErrSettings) {
			t.Errorf("%s=%s: %v, want ErrSettings", name, value, err)
			continue
		}
		for _, part := range []string{name + " is " + value, "--entity-name " + topic, "--bootstrap-server " + addr, "--add-config " + name + "="} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s=%s: the error does not say %q: %v", name, value, part, err)
			}
		}
	}
	topic := kafkatest.Topic(t)
	createTopic(t, topic, nil) // Kafka's defaults: several are wrong, all are named at once
	_, err := tryOpen(t, kafka.Config{Brokers: []string{addr}, Topic: topic})
	if err == nil || !strings.Contains(err.Error(), "retention.ms=-1,message.timestamp.type=LogAppendTime,max.message.bytes=2097152,flush.messages=1`") {
		t.Errorf("a topic with Kafka's defaults: %v", err)
	}
}

func TestMoreReplicasThanBrokersIsSaid(t *testing.T) {
	config := onKafka(t)
	config.CreateReplication = 3
	_, err := tryOpen(t, config)
	if !errors.Is(err, ledger.ErrSettings) || !strings.Contains(err.Error(), "3 replicas") {
		t.Fatalf("open: %v", err)
	}
}

// TestTransactionsOnALedgerAreDamage commits a transaction by hand: its marker
// takes an offset, which must not pass for a record.
func TestTransactionsOnALedgerAreDamage(t *testing.T) {
	config := onKafka(t)
	l := open(t, config)
	add(t, l, "a")
	producer, err := kgo.NewClient(kgo.SeedBrokers(config.Brokers...), kgo.TransactionalID(config.Topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := producer.ProduceSync(t.Context(), &kgo.Record{Topic: config.Topic, Value: []byte("b")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := producer.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if r, err := l.Fetch(t.Context(), 1, 1); err != nil || string(r[0].Data) != "b" {
		t.Fatalf("fetch of the transaction's record: %v, %v", r, err)
	}
	_, err = l.Fetch(t.Context(), 2, 1000)
	wantDamage(t, err)
}

// BenchmarkAppend measures records of 400 bytes on Apache Kafka with one
// replica: as a ledger is kept, each batch synced, and as Kafka does by itself.
func BenchmarkAppend(b *testing.B) {
	for _, synced := range []bool{true, false} {
		for _, callers := range []int{1, 64, 512} {
			b.Run(fmt.Sprintf("synced=%t/callers=%d", synced, callers), func(b *testing.B) {
				config := onKafka(b)
				if !synced {
					config = config.Unsynced()
				}
				appendBy(b, open(b, config), callers)
			})
		}
	}
}

func appendBy(b *testing.B, l *kafka.Log, callers int) {
	record := [][]byte{[]byte(strings.Repeat("r", 400))}
	b.ResetTimer()
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := c; i < b.N; i += callers {
				if _, err := l.Append(b.Context(), record); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
