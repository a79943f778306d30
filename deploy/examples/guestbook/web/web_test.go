package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func startSite(t *testing.T, redis string) (*site, *httptest.Server) {
	t.Helper()
	s := &site{book: book{addr: redis, key: "guestbook"}, host: "frontend-1", out: io.Discard}
	server := httptest.NewServer(s.handler())
	t.Cleanup(server.Close)
	return s, server
}

func get(t *testing.T, address string) (int, string) {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// A person signs by the form, is sent back to the page, and finds the entry
// there, escaped, and as JSON; a second one comes first.
func TestPostThenRead(t *testing.T) {
	_, server := startSite(t, startRedis(t).addr)
	if _, body := get(t, server.URL); !strings.Contains(body, "Nobody has written yet") {
		t.Fatalf("the empty page says: %s", body)
	}
	for _, message := range []string{"first\r\nline", "<script>alert(1)</script>"} {
		answer, err := http.PostForm(server.URL, url.Values{"name": {"Ann"}, "message": {message}})
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK || answer.Request.Method != http.MethodGet {
			t.Fatalf("posting ended at %s with %s, want the page", answer.Request.Method, answer.Status)
		}
	}
	_, body := get(t, server.URL)
	if strings.Contains(body, "<script>") || !strings.Contains(body, "&lt;script&gt;") {
		t.Fatalf("what people write is not escaped: %s", body)
	}
	_, body = get(t, server.URL+"/entries")
	var entries []entry
	if err := json.Unmarshal([]byte(body), &entries); err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 || entries[1].Message != "first\r\nline" || entries[0].Via != "frontend-1" {
		t.Fatalf("entries are %+v, want two, the newest first", entries)
	}
}

func TestEntriesByJSON(t *testing.T) {
	_, server := startSite(t, startRedis(t).addr)
	for _, c := range []struct {
		body string
		want int
	}{
		{`{"name":"Bo","message":"hello"}`, http.StatusCreated},
		{`{"message":"no name"}`, http.StatusCreated},
		{`{"message":"  "}`, http.StatusUnprocessableEntity},
		{`{"message":"` + strings.Repeat("x", maxMessage+1) + `"}`, http.StatusUnprocessableEntity},
		{`{"name":"` + strings.Repeat("x", maxName+1) + `","message":"y"}`, http.StatusUnprocessableEntity},
		{`{`, http.StatusBadRequest},
	} {
		answer, err := http.Post(server.URL+"/entries", "application/json", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != c.want {
			t.Errorf("posting %.60s: %d, want %d", c.body, answer.StatusCode, c.want)
		}
	}
	if _, body := get(t, server.URL+"/entries"); strings.Count(body, `"message"`) != 2 {
		t.Errorf("entries are %s, want the two good ones", body)
	}
}

func TestOldestEntriesGo(t *testing.T) {
	redis := startRedis(t)
	b := book{addr: redis.addr, key: "k"}
	for i := range maxEntries + 3 {
		if err := b.add(t.Context(), entry{Message: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := b.list(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != maxEntries || entries[0].Message != fmt.Sprint(maxEntries+2) {
		t.Fatalf("%d entries, the first %+v", len(entries), entries[0])
	}
}

// Readiness follows Redis and the order to end; liveness follows neither.
func TestReadiness(t *testing.T) {
	s, server := startSite(t, startRedis(t).addr)
	if status, _ := get(t, server.URL+"/healthz"); status != http.StatusOK {
		t.Errorf("ready with Redis there: %d", status)
	}
	s.ending.Store(true)
	if status, _ := get(t, server.URL+"/healthz"); status != http.StatusServiceUnavailable {
		t.Errorf("ready while ending: %d", status)
	}
	_, alone := startSite(t, closedPort(t))
	if status, _ := get(t, alone.URL+"/healthz"); status != http.StatusServiceUnavailable {
		t.Errorf("ready without Redis: %d", status)
	}
	if status, body := get(t, alone.URL); status != http.StatusServiceUnavailable || !strings.Contains(body, "cannot be read") {
		t.Errorf("the page without Redis: %d %s", status, body)
	}
	if status, _ := get(t, alone.URL+"/livez"); status != http.StatusOK {
		t.Errorf("live without Redis: %d", status)
	}
}

func TestRunEndsCleanlyWhenAsked(t *testing.T) {
	address := closedPort(t)
	env := func(name string) string {
		return map[string]string{"LISTEN": address, "REDIS_ADDR": closedPort(t)}[name]
	}
	ctx, end := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, env) }()
	deadline := time.Now().Add(10 * time.Second)
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the server does not listen after 10 s: ", err)
		}
		time.Sleep(time.Millisecond)
	}
	end()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestRepliesThatAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "\r\n", "+no end", "?what\r\n", "$5\r\nab\r\n", "$2\r\nabXY", "$-x\r\n", "$9999999999\r\n",
		"*100000\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n+deep\r\n", ":seven\r\n", "-ERR no\r\n",
	} {
		if reply, err := readReply(bufio.NewReader(strings.NewReader(text)), 0); err == nil {
			t.Errorf("%q was read as %v", text, reply)
		}
	}
	reply, err := readReply(bufio.NewReader(strings.NewReader("*3\r\n:7\r\n$-1\r\n*0\r\n")), 0)
	if err != nil || fmt.Sprint(reply) != "[7 <nil> []]" {
		t.Errorf("read %v, %v", reply, err)
	}
}

// closedPort returns a loopback address on which nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
