package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// countFrames reads so many frames of a protobuf watch, each four bytes of
// length before its content, and returns their bytes.
func countFrames(r io.Reader, frames int) (int64, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	var sum int64
	for i := range frames {
		var head [4]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return sum, fmt.Errorf("the watch ended after %d of %d events: %w", i, frames, err)
		}
		n := int64(binary.BigEndian.Uint32(head[:]))
		if _, err := io.CopyN(io.Discard, in, n); err != nil {
			return sum, fmt.Errorf("event %d of %d is cut short: %w", i+1, frames, err)
		}
		sum += 4 + n
	}
	return sum, nil
}
