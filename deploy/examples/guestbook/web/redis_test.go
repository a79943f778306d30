package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fakeRedis answers the four commands that the guestbook uses, on a loopback
// port of its own, until the test ends.
type fakeRedis struct {
	addr string

	mu    sync.Mutex
	lists map[string][]string
}

func startRedis(t *testing.T) *fakeRedis {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &fakeRedis{addr: listener.Addr().String(), lists: map[string][]string{}}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer conn.Close()
				r.serve(conn)
			})
		}
	})
	t.Cleanup(func() { listener.Close(); open.Wait() })
	return r
}

func (r *fakeRedis) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		words, err := readCommand(in)
		if err != nil {
			return
		}
		if _, err := io.WriteString(conn, r.answer(words)); err != nil {
			return
		}
	}
}

// readCommand reads an array of bulk strings, byte by byte as RESP says, so
// that a wrong length of ours fails here.
func readCommand(in *bufio.Reader) ([]string, error) {
	number := func(mark byte) (int, error) {
		line, err := in.ReadString('\n')
		if err != nil {
			return 0, err
		}
		if line[0] != mark || !strings.HasSuffix(line, "\r\n") {
			return 0, fmt.Errorf("bad line %q", line)
		}
		return strconv.Atoi(line[1 : len(line)-2])
	}
	n, err := number('*')
	if err != nil {
		return nil, err
	}
	var words []string
	for range n {
		size, err := number('$')
		if err != nil {
			return nil, err
		}
		word := make([]byte, size+2)
		if _, err := io.ReadFull(in, word); err != nil {
			return nil, err
		}
		words = append(words, string(word[:size]))
	}
	return words, nil
}

func (r *fakeRedis) answer(words []string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch words[0] {
	case "PING":
		return "+PONG\r\n"
	case "LPUSH":
		r.lists[words[1]] = append([]string{words[2]}, r.lists[words[1]]...)
		return fmt.Sprintf(":%d\r\n", len(r.lists[words[1]]))
	case "LTRIM":
		last, _ := strconv.Atoi(words[3])
		r.lists[words[1]] = r.lists[words[1]][:min(last+1, len(r.lists[words[1]]))]
		return "+OK\r\n"
	case "LRANGE":
		var out strings.Builder
		fmt.Fprintf(&out, "*%d\r\n", len(r.lists[words[1]]))
		for _, v := range r.lists[words[1]] {
			fmt.Fprintf(&out, "$%d\r\n%s\r\n", len(v), v)
		}
		return out.String()
	}
	return "-ERR unknown command '" + words[0] + "'\r\n"
}
