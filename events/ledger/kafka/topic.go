package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"cairn/events/ledger"
)

// maxMessageBytes is the largest batch that the topic must take: one Append,
// with Kafka's overhead.
const maxMessageBytes = 2 << 20

// feedSegment is how much of a feed's partition is left uncompacted, in bytes.
const feedSegment = 16 << 20

// setting is what a topic must be configured to.
type setting struct {
	name, value string
	fits        func(have string) bool // nil: must equal value
}

// ledgerSettings keep every record for ever, as written, in the order of its
// append time.
func ledgerSettings(replication int) []setting {
	return append(unsyncedSettings(replication), flushed(replication)...)
}

func unsyncedSettings(replication int) []setting {
	s := []setting{
		{"cleanup.policy", "delete", nil},
		{"retention.ms", "-1", nil},
		{"retention.bytes", "-1", nil},
		{"message.timestamp.type", "LogAppendTime", nil},
		{"max.message.bytes", strconv.Itoa(maxMessageBytes), atLeast(maxMessageBytes)},
		{"unclean.leader.election.enable", "false", nil},
		{"compression.type", "producer", func(have string) bool { return have == "producer" || have == "uncompressed" }},
	}
	return append(s, inSync(replication)...)
}

// compactedSettings keep the last record of each key. Kafka compacts closed
// segments only, and one is 1 GiB by default: all that is read at each start.
func compactedSettings(replication int) []setting {
	s := []setting{
		{"cleanup.policy", "compact", nil},
		{"max.message.bytes", strconv.Itoa(maxMessageBytes), atLeast(maxMessageBytes)},
		{"unclean.leader.election.enable", "false", nil},
		{"compression.type", "producer", func(have string) bool { return have == "producer" || have == "uncompressed" }},
		{"segment.bytes", strconv.Itoa(feedSegment), atMost(4 * feedSegment)},
	}
	return append(s, inSync(replication)...)
}

// inSync: acks=all means all that are in sync now, so that must be two.
func inSync(replication int) []setting {
	if replication < 3 {
		return nil
	}
	return []setting{{"min.insync.replicas", "2", atLeast(2)}}
}

// flushed: Kafka acknowledges before it syncs, and relies on the other replicas.
// Where acks=all may come from one alone, that one must sync each batch first.
// Feeds need it not: what a loss of power takes from them is put again.
func flushed(replication int) []setting {
	if replication >= 3 {
		return nil
	}
	return []setting{{"flush.messages", "1", nil}}
}

func atLeast(n int) func(string) bool {
	return func(have string) bool {
		v, err := strconv.Atoi(have)
		return err == nil && v >= n
	}
}

func atMost(n int) func(string) bool {
	return func(have string) bool {
		v, err := strconv.Atoi(have)
		return err == nil && v <= n
	}
}

// shape is what the cluster says of a topic.
type shape struct {
	partitions  int
	replication int
	brokers     int
	leaderless  bool
}

// open makes sure that the topic is there, as it must be. replication is for a
// topic that is missing; 0: it must be there.
func (l *link) open(ctx context.Context, partitions, replication int, settings func(replication int) []setting) (shape, error) {
	s, err := l.shape(ctx)
	if errors.Is(err, kafkago.UnknownTopicOrPartition) {
		if replication == 0 {
			return s, fmt.Errorf("%w: there is no topic %s at %s: create it by starting a cell on it, or correct its name", ledger.ErrUnreachable, l.topic, strings.Join(l.brokers, ","))
		}
		if err := l.create(ctx, partitions, replication, settings(replication)); err != nil {
			return s, err
		}
		s, err = l.shape(ctx)
	}
	if err != nil {
		return s, l.unreachable(err)
	}
	if s, err = l.led(ctx, s); err != nil {
		return s, err
	}
	if s.partitions != partitions {
		return s, fmt.Errorf("%w: %s has %d partitions, it must have %d: name another topic", ledger.ErrSettings, l.where(), s.partitions, partitions)
	}
	return s, l.check(ctx, settings(s.replication))
}

// led waits until each partition has a leader that knows it: a broker takes a
// moment longer than the metadata, and what it is sent meanwhile is unknown.
func (l *link) led(ctx context.Context, s shape) (shape, error) {
	err := l.persist(ctx, func() error {
		var err error
		if s, err = l.shape(ctx); err != nil {
			return err
		}
		if s.leaderless || s.partitions == 0 {
			return kafkago.LeaderNotAvailable
		}
		for p := range s.partitions {
			if _, err := l.end(ctx, p); err != nil {
				return err
			}
		}
		return nil
	})
	return s, err
}

// shape asks for the topic's metadata. An unknown topic gives
// kafkago.UnknownTopicOrPartition.
func (l *link) shape(ctx context.Context) (shape, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	resp, err := l.client().Metadata(ctx, &kafkago.MetadataRequest{Topics: []string{l.topic}})
	if err != nil {
		return shape{}, err
	}
	if len(resp.Topics) != 1 {
		return shape{}, fmt.Errorf("the broker's metadata names %d topics", len(resp.Topics))
	}
	t := resp.Topics[0]
	if t.Error != nil {
		return shape{}, t.Error
	}
	s := shape{partitions: len(t.Partitions), brokers: len(resp.Brokers)}
	for i, p := range t.Partitions {
		if i == 0 || len(p.Replicas) < s.replication {
			s.replication = len(p.Replicas)
		}
		s.leaderless = s.leaderless || p.Leader.Host == ""
	}
	return s, nil
}

func (l *link) create(ctx context.Context, partitions, replication int, settings []setting) error {
	topic := kafkago.TopicConfig{Topic: l.topic, NumPartitions: partitions, ReplicationFactor: replication}
	for _, s := range settings {
		topic.ConfigEntries = append(topic.ConfigEntries, kafkago.ConfigEntry{ConfigName: s.name, ConfigValue: s.value})
	}
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	resp, err := l.client().CreateTopics(ctx, &kafkago.CreateTopicsRequest{Topics: []kafkago.TopicConfig{topic}})
	if err == nil {
		err = resp.Errors[l.topic]
	}
	if err != nil && !errors.Is(err, kafkago.TopicAlreadyExists) { // another was faster: its settings are checked next
		return fmt.Errorf("%w: Kafka at %s does not create topic %s with %d replicas: %w", ledger.ErrSettings, strings.Join(l.brokers, ","), l.topic, replication, err)
	}
	return l.appears(ctx)
}

// appears waits until the metadata, which is refreshed by a timer, names the
// new topic.
func (l *link) appears(ctx context.Context) error {
	for {
		_, err := l.shape(ctx)
		if !errors.Is(err, kafkago.UnknownTopicOrPartition) {
			return err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return l.unreachable(ctx.Err())
		}
	}
}

// check compares the topic's settings with what they must be, and says all
// that is wrong at once, with the command that mends it.
func (l *link) check(ctx context.Context, settings []setting) error {
	have, err := l.settings(ctx, settings)
	if err != nil {
		return l.unreachable(err)
	}
	var wrong, mend []string
	for _, s := range settings {
		is, known := have[s.name]
		if !known {
			is = "not set"
		}
		if known && (s.fits == nil && is == s.value || s.fits != nil && s.fits(is)) {
			continue
		}
		wrong = append(wrong, fmt.Sprintf("%s is %s and must be %s", s.name, is, s.value))
		mend = append(mend, s.name+"="+s.value)
	}
	if wrong == nil {
		return nil
	}
	return fmt.Errorf("%w of %s: %s: mend it with `kafka-configs.sh --bootstrap-server %s --alter --entity-type topics --entity-name %s --add-config %s`",
		ledger.ErrSettings, l.where(), strings.Join(wrong, ", "), l.brokers[0], l.topic, strings.Join(mend, ","))
}

func (l *link) settings(ctx context.Context, settings []setting) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	resource := kafkago.DescribeConfigRequestResource{ResourceType: kafkago.ResourceTypeTopic, ResourceName: l.topic}
	for _, s := range settings {
		resource.ConfigNames = append(resource.ConfigNames, s.name)
	}
	resp, err := l.client().DescribeConfigs(ctx, &kafkago.DescribeConfigsRequest{Resources: []kafkago.DescribeConfigRequestResource{resource}})
	if err != nil {
		return nil, err
	}
	have := map[string]string{}
	for _, r := range resp.Resources {
		if r.Error != nil {
			return nil, r.Error
		}
		for _, e := range r.ConfigEntries {
			have[e.ConfigName] = e.ConfigValue
		}
	}
	return have, nil
}
