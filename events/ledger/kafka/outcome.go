package kafka

import kafkago "github.com/segmentio/kafka-go"

// A broker may answer a produce request with an error before it appended, or
// after: with acks=all the leader appends to its own log first and then waits
// for the others. If it is deposed, loses its disk or its followers while it
// waits, the answer is an error, though the batch stands in its log, and stays
// there if the next leader has it too. So once a request was sent, an error is
// no proof unless it is one that the broker gives before it appends only.
//
// As Apache Kafka 4.1 has it: KafkaApis.handleProduceRequest, then
// ReplicaManager.appendRecords, Partition.appendRecordsToLeader (which counts
// the in-sync replicas and only then appends), UnifiedLog.append (which
// validates and only then writes), DelayedProduce.tryComplete (whose errors all
// come after the append).

// neverAppended reports whether an answer with this error proves that the
// batch was not appended, with the reason why it does.
func neverAppended(code kafkago.Error) (why string, proved bool) {
	why, proved = beforeAppend[code]
	return why, proved
}

var beforeAppend = map[kafkago.Error]string{
	// The request's handler, before any log is touched.
	kafkago.TopicAuthorizationFailed:    "the broker checks permissions first",
	kafkago.ClusterAuthorizationFailed:  "the broker checks permissions first",
	kafkago.UnsupportedVersion:          "the request was not read",
	kafkago.InvalidRequest:              "the request was not read",
	kafkago.InvalidRequiredAcks:         "it is checked for the whole request at its start",
	kafkago.InvalidTopic:                "an internal topic is refused by its name",
	kafkago.UnsupportedForMessageFormat: "the batch's format is checked on its way in",
	kafkago.UnsupportedCompressionType:  "the batch's format is checked on its way in",
	// The leader's look at the in-sync set, under the lock under which it
	// would append. Too few afterwards is NOT_ENOUGH_REPLICAS_AFTER_APPEND.
	kafkago.NotEnoughReplicas: "the in-sync replicas are counted before the append",
	// The log's validation of the batch: it appends what passed, whole.
	kafkago.MessageSizeTooLarge: "a batch's size is checked before the append",
	kafkago.RecordListTooLarge:  "a batch's size is checked before the append",
	kafkago.InvalidMessage:      "a batch's checksum is checked before the append",
	kafkago.InvalidTimestamp:    "a batch's records are validated before the append",
	kafkago.InvalidRecord:       "a batch's records are validated before the append",
}

// Among what is left, and unknown: NOT_LEADER_OR_FOLLOWER,
// UNKNOWN_TOPIC_OR_PARTITION and KAFKA_STORAGE_ERROR, which a waiting request
// gets when the partition went away under it; REQUEST_TIMED_OUT and
// NOT_ENOUGH_REPLICAS_AFTER_APPEND, which say so; UNKNOWN_SERVER_ERROR,
// NETWORK_EXCEPTION; and whatever a later Kafka may answer.

// passes reports whether a refusal that proves no append may be over by itself,
// so that another try can do better.
func passes(code kafkago.Error) bool { return code == kafkago.NotEnoughReplicas }
