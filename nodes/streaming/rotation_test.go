package streaming

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cairn/nodes/crilog"
)

// sink is a buffer that may be looked at while it is written to.
type sink struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *sink) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Len()
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestALogIsFollowedAcrossItsRotation has the writer put files aside while they
// are read; no line is missing, none comes twice.
func TestALogIsFollowedAcrossItsRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "0.log")
	w, err := crilog.Open(path, crilog.Limit{Bytes: 2 << 10, Files: 5}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	var alive atomic.Bool
	alive.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var out sink
	done := make(chan error, 1)
	var want bytes.Buffer
	line := 0
	write := func(n int) {
		for range n {
			text := fmt.Sprintf("line %d", line)
			line++
			want.WriteString(text + "\n")
			if err := w.Append(crilog.Stdout, false, []byte(text)); err != nil {
				t.Error(err)
			}
		}
	}
	write(10)
	go func() {
		done <- CopyLog(ctx, &out, func() {}, path, alive.Load, LogOptions{Follow: true, TailLines: -1, LimitBytes: -1})
	}()
	for range 8 {
		for out.Len() < want.Len() { // or what is kept would be outrun
			if ctx.Err() != nil {
				t.Fatal("the reader stands still")
			}
			time.Sleep(time.Millisecond)
		}
		write(100) // two files and a half
	}
	alive.Store(false)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if out.String() != want.String() {
		t.Errorf("read %d bytes of %d; the end is %q", out.Len(), want.Len(), out.String()[max(0, out.Len()-60):])
	}
}
