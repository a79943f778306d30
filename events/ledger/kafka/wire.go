package kafka

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync/atomic"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// Produce version 7 and Fetch version 11 are the last ones of the plain
// encoding; Kafka 2.3 to 4 speak both. See the guide of the Kafka protocol.
const (
	produceVersion = 7
	fetchVersion   = 11

	produceAnswer = 64 << 10 // bytes, at most
	fetchHead     = 64 << 10 // the same, beside the batches
	foreignBatch  = 16 << 20 // the first batch comes whole, whoever wrote it
)

// target routes a request to the leader of a partition.
type target struct {
	topic     string
	partition int32
}

// Broker implements protocol.BrokerMessage. Its errors mean that nothing was
// sent.
func (t target) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	p, ok := cluster.Topics[t.topic].Partitions[t.partition]
	if !ok {
		return protocol.Broker{ID: -1}, kafkago.UnknownTopicOrPartition
	}
	b, ok := cluster.Brokers[p.Leader]
	if !ok {
		return protocol.Broker{ID: -1}, kafkago.LeaderNotAvailable
	}
	return b, nil
}

// Required implements protocol.RawExchanger: we write the bytes ourselves.
func (target) Required(map[protocol.ApiKey]int16) bool { return true }

// produceRequest carries one batch, with acks=all.
type produceRequest struct {
	target
	timeoutMs int32
	batch     []byte
	state     atomic.Int32
}

const (
	waiting   = iota // not a byte has left
	sending          // some may have
	withdrawn        // none will
)

// withdraw reports whether it is certain that the broker never sees the request.
func (r *produceRequest) withdraw() bool { return r.state.CompareAndSwap(waiting, withdrawn) }

// ApiKey implements protocol.Message.
func (*produceRequest) ApiKey() protocol.ApiKey { return protocol.Produce }

// RawExchange implements protocol.RawExchanger.
func (r *produceRequest) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if !r.state.CompareAndSwap(waiting, sending) {
		return nil, fmt.Errorf("the request was withdrawn")
	}
	b := request(protocol.Produce, produceVersion)
	b = appendString(b, "", true) // transaction
	b = binary.BigEndian.AppendUint16(b, ^uint16(0))
	b = binary.BigEndian.AppendUint32(b, uint32(r.timeoutMs))
	b = r.appendTopic(b)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.batch)))
	b = append(b, r.batch...)
	in, err := exchange(rw, b, produceAnswer)
	if err != nil {
		return nil, err
	}
	out := &produceResponse{}
	in.skip(4)
	in.text()
	in.skip(4 + 4)
	out.code = kafkago.Error(in.int16())
	out.base = in.int64()
	if in.bad {
		return nil, fmt.Errorf("the broker's answer to a produce request is too short")
	}
	return out, nil
}

type produceResponse struct {
	code kafkago.Error
	base int64
}

// ApiKey implements protocol.Message.
func (*produceResponse) ApiKey() protocol.ApiKey { return protocol.Produce }

type fetchRequest struct {
	target
	from      int64
	maxBytes  int32
	maxWaitMs int32
}

// ApiKey implements protocol.Message.
func (*fetchRequest) ApiKey() protocol.ApiKey { return protocol.Fetch }

// RawExchange implements protocol.RawExchanger.
func (r *fetchRequest) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	b := request(protocol.Fetch, fetchVersion)
	b = binary.BigEndian.AppendUint32(b, ^uint32(0)) // no replica
	b = binary.BigEndian.AppendUint32(b, uint32(r.maxWaitMs))
	b = binary.BigEndian.AppendUint32(b, 1) // least bytes
	b = binary.BigEndian.AppendUint32(b, uint32(r.maxBytes))
	b = append(b, 0)                                 // read uncommitted: there are no transactions
	b = binary.BigEndian.AppendUint32(b, 0)          // no session
	b = binary.BigEndian.AppendUint32(b, ^uint32(0)) // nor one to be
	b = r.appendTopic(b)
	b = binary.BigEndian.AppendUint32(b, ^uint32(0)) // leader epoch not known
	b = binary.BigEndian.AppendUint64(b, uint64(r.from))
	b = binary.BigEndian.AppendUint64(b, ^uint64(0)) // our log start: no replica
	b = binary.BigEndian.AppendUint32(b, uint32(r.maxBytes))
	b = binary.BigEndian.AppendUint32(b, 0) // forgotten topics
	b = appendString(b, "", false)          // rack
	in, err := exchange(rw, b, fetchHead+max(int64(r.maxBytes), foreignBatch))
	if err != nil {
		return nil, err
	}
	return decodeFetch(in)
}

func decodeFetch(in *reader) (*fetchResponse, error) {
	out := &fetchResponse{}
	in.skip(4)
	out.code = kafkago.Error(in.int16())
	in.skip(4)
	if topics := in.int32(); topics > 0 {
		in.text()
		in.skip(4 + 4)
		if code := kafkago.Error(in.int16()); out.code == 0 {
			out.code = code
		}
		out.end = in.int64()
		in.skip(8)
		out.start = in.int64()
		if aborted := in.int32(); aborted > 0 {
			in.skip(16 * int(aborted))
		}
		in.skip(4)
		if n := in.int32(); n > 0 {
			out.batches = in.take(int(n))
		}
	} else if out.code == 0 {
		out.code = kafkago.UnknownTopicOrPartition
	}
	if in.bad {
		return nil, fmt.Errorf("the broker's answer to a fetch request is too short")
	}
	return out, nil
}

type fetchResponse struct {
	code       kafkago.Error
	start, end int64 // of the partition: first offset, high watermark
	batches    []byte
}

// ApiKey implements protocol.Message.
func (*fetchResponse) ApiKey() protocol.ApiKey { return protocol.Fetch }

// request begins a request; exchange fills in its length.
func request(key protocol.ApiKey, version uint16) []byte {
	b := make([]byte, 4, 128)
	b = binary.BigEndian.AppendUint16(b, uint16(key))
	b = binary.BigEndian.AppendUint16(b, version)
	b = binary.BigEndian.AppendUint32(b, correlation)
	return appendString(b, clientID, false)
}

// correlation may be the same for all: a connection has one request at a time.
const correlation = 0x6361

const clientID = "cairn"

func appendString(b []byte, s string, null bool) []byte {
	if null {
		return binary.BigEndian.AppendUint16(b, ^uint16(0))
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}

func (t target) appendTopic(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, 1)
	b = appendString(b, t.topic, false)
	b = binary.BigEndian.AppendUint32(b, 1)
	return binary.BigEndian.AppendUint32(b, uint32(t.partition))
}

// exchange sends a request and reads the whole answer, of so many bytes at
// most, header cut off.
func exchange(rw io.ReadWriter, b []byte, most int64) (*reader, error) {
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	if _, err := rw.Write(b); err != nil {
		return nil, err
	}
	var head [8]byte
	if _, err := io.ReadFull(rw, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size < 4 || int64(size) > most || binary.BigEndian.Uint32(head[4:]) != correlation {
		return nil, fmt.Errorf("no answer of a Kafka broker, or one that is too long (%d bytes, at most %d)", size, most)
	}
	body := make([]byte, size-4)
	if _, err := io.ReadFull(rw, body); err != nil {
		return nil, err
	}
	return &reader{b: body}, nil
}
