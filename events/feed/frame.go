package feed

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"cairn/events/wire"
)

// MaxFrameBytes bounds one entry: a slice of 1,000 endpoints with long names
// has about 600 KB.
const MaxFrameBytes = 4 << 20

// AppendFrame appends an entry to a stream: its length as a varint, then its
// bytes in protobuf's wire format.
func AppendFrame(b []byte, m wire.Message) []byte {
	body := wire.Encode(m)
	return append(binary.AppendUvarint(b, uint64(len(body))), body...)
}

// FrameBody is the entry of a frame made by AppendFrame.
func FrameBody(frame []byte) []byte {
	_, n := binary.Uvarint(frame)
	return frame[max(n, 0):]
}

// ReadFrame reads the next entry of a stream into an empty message. At the end
// of the stream it returns io.EOF; within a frame io.ErrUnexpectedEOF.
func ReadFrame(r *bufio.Reader, m wire.Message) error {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return err
	}
	if n > MaxFrameBytes {
		return fmt.Errorf("an entry of %d bytes: at most %d are allowed; is this a feed?", n, MaxFrameBytes)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	return wire.Decode(b, m)
}
