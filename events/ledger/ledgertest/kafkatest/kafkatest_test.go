package kafkatest_test

import (
	"net"
	"testing"

	"cairn/events/ledger/ledgertest/kafkatest"
)

func TestBrokerServes(t *testing.T) {
	addr, stop := kafkatest.Own(t)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatalf("the broker is said to be ready: %v", err)
	}
	c.Close()
	stop()
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Fatal("the broker still answers after stop")
	}
}

func TestTopicsAreOnesOwn(t *testing.T) {
	if a, b := kafkatest.Topic(t), kafkatest.Topic(t); a == b {
		t.Fatalf("two topics are named %s", a)
	}
}
