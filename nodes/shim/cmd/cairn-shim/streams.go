package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"cairn/nodes/crilog"
	"cairn/nodes/shim/protocol"
)

// streams are the input and output of one container: a log file, pipes or a
// terminal, and whoever is attached.
type streams struct {
	log     *crilog.Writer
	console *console // nil without a terminal

	childStdin, childStdout, childStderr *os.File // what runc is given
	stdin                                *os.File // our end; nil where closed
	stdout, stderr                       *os.File
	stdinOnce                            bool

	copies sync.WaitGroup
	mu     sync.Mutex
	peers  map[*peer]struct{}
	ended  bool
}

func openStreams(c protocol.Create) (*streams, error) {
	s := &streams{peers: map[*peer]struct{}{}, stdinOnce: c.StdinOnce}
	log, err := crilog.Open(c.LogPath, crilog.Default, time.Now)
	if err != nil {
		return nil, err
	}
	s.log = log
	if c.TTY {
		s.console, err = listenConsole(c.Bundle)
	} else {
		err = s.openPipes(c.Stdin)
	}
	if err != nil {
		s.closeChildEnds()
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *streams) openPipes(stdin bool) (err error) {
	if s.stdout, s.childStdout, err = os.Pipe(); err != nil {
		return err
	}
	if s.stderr, s.childStderr, err = os.Pipe(); err != nil {
		return err
	}
	if stdin {
		s.childStdin, s.stdin, err = os.Pipe()
	} else {
		s.childStdin, err = os.Open(os.DevNull)
	}
	return err
}

// receiveConsole takes the terminal that runc made, where one was asked for.
func (s *streams) receiveConsole() error {
	if s.console == nil {
		return nil
	}
	f, err := s.console.receive()
	if err != nil {
		return fmt.Errorf("receive terminal from runc: %w", err)
	}
	s.stdout, s.stdin = f, f
	return nil
}

// start copies output to the log and to whoever is attached, until its end.
func (s *streams) start() {
	for _, o := range []struct {
		f    *os.File
		name crilog.Stream
		ch   protocol.Channel
	}{{s.stdout, crilog.Stdout, protocol.ChanStdout}, {s.stderr, crilog.Stderr, protocol.ChanStderr}} {
		if o.f == nil {
			continue
		}
		s.copies.Go(func() {
			s.log.Copy(o.name, o.f, func(b []byte) { s.broadcast(o.ch, b) })
		})
	}
}

// finish waits for the end of the output, at most for patience, and lets
// everyone who is attached go.
func (s *streams) finish(patience time.Duration) {
	done := make(chan struct{})
	go func() {
		s.copies.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(patience):
	}
	s.close()
}

func (s *streams) closeChildEnds() {
	for _, f := range []*os.File{s.childStdin, s.childStdout, s.childStderr} {
		if f != nil {
			f.Close()
		}
	}
	if s.console != nil {
		s.console.close()
	}
}

func (s *streams) close() {
	s.mu.Lock()
	s.ended = true
	for p := range s.peers {
		p.conn.Close()
	}
	s.mu.Unlock()
	for _, f := range []*os.File{s.stdin, s.stdout, s.stderr} {
		if f != nil {
			f.Close()
		}
	}
	_ = s.log.Close()
}
