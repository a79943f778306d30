// Package kafkatest gives tests a real Apache Kafka broker.
//
// In: CAIRN_TEST_KAFKA=HOST:PORT names a broker to use; without it, one is
// started by deploy/kafka/kafka.sh, which needs Java and Maven (make
// setup-kafka). Out: its address, and topic names that nobody else uses.
//
// Promises: one broker a test process, on free loopback ports with a folder of
// its own; it ends with the process, however that ends, since it lives only as
// long as the pipe to its stdin. Tests leave their topics behind: the broker is
// thrown away, or is a person's own.
//
// The broker's process belongs to the test process; no goroutine.
//
// Read first: TestBrokerServes.
package kafkatest
