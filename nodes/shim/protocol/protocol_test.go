package protocol

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestARequestIsReadBackAsItWasWritten(t *testing.T) {
	want := Request{Op: OpCreate, ID: "web-0", Create: &Create{Bundle: "/b", LogPath: "/l", TTY: true}, Size: &WindowSize{80, 24}}
	var b bytes.Buffer
	if err := Send(&b, want); err != nil {
		t.Fatal(err)
	}
	var got Request
	if err := Receive(&b, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAPeerThatSpeaksSomethingElseIsRefused(t *testing.T) {
	var r Reply
	if err := Receive(strings.NewReader("GET / HTTP/1.1\r\n"), &r); err == nil {
		t.Error("read an HTTP request as a message")
	}
	if _, _, err := ReceiveChunk(strings.NewReader("GET / HTTP/1.1\r\n")); err == nil {
		t.Error("read an HTTP request as a chunk")
	}
}

func TestChunksKeepTheirChannel(t *testing.T) {
	var b bytes.Buffer
	for c := ChanStdin; c <= ChanStdinEnd; c++ {
		if err := SendChunk(&b, c, bytes.Repeat([]byte{'x'}, int(c))); err != nil {
			t.Fatal(err)
		}
	}
	for c := ChanStdin; c <= ChanStdinEnd; c++ {
		got, data, err := ReceiveChunk(&b)
		if err != nil || got != c || len(data) != int(c) {
			t.Errorf("chunk %v %q %v, want channel %v", got, data, err, c)
		}
	}
}
