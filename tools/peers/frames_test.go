package main

import (
	"strings"
	"testing"
)

func TestFramesOfAWatchAreCounted(t *testing.T) {
	stream := "\x00\x00\x00\x03abc\x00\x00\x00\x00\x00\x00\x00\x01d"
	if n, err := countFrames(strings.NewReader(stream), 3); n != int64(len(stream)) || err != nil {
		t.Errorf("%d bytes, %v; want %d", n, err, len(stream))
	}
	for _, short := range []string{stream[:len(stream)-1], stream[:9], ""} {
		if _, err := countFrames(strings.NewReader(short), 3); err == nil {
			t.Errorf("%q was counted as three whole events", short)
		}
	}
}
