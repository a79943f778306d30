package supervise

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"cairn/tools/cairn/cell"
)

const (
	firstPause = 200 * time.Millisecond
	lastPause  = 5 * time.Second
	settled    = 30 * time.Second // lived that long: an earlier death is forgotten
	maxLog     = 16 << 20         // a longer log is put aside at the next start, one generation
)

// Spec says how to run one child.
type Spec struct {
	Role    string   // server, node: for messages
	Path    string   // the program
	Args    []string // without the program's name
	Log     string   // file that its output is appended to
	PidFile string
}

// Child is one process that is kept running.
type Child struct {
	spec   Spec
	failed chan error
	done   chan struct{}
	stop   chan struct{}

	mu       sync.Mutex
	cmd      *exec.Cmd
	lifeline *os.File
	stopping bool
	restarts int
}

// New prepares a child; Run starts it.
func New(spec Spec) *Child {
	return &Child{spec: spec, failed: make(chan error, 1), done: make(chan struct{}), stop: make(chan struct{})}
}

// Failed yields the reason when the child is not started again.
func (c *Child) Failed() <-chan error { return c.failed }

// Pid is the running process' pid, 0 between two lives.
func (c *Child) Pid() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cmd == nil {
		return 0
	}
	return c.cmd.Process.Pid
}

// Run keeps the child running until Stop, or until it refuses.
func (c *Child) Run() {
	defer close(c.done)
	pause, lived := firstPause, false
	for {
		began := time.Now()
		err := c.live()
		life := time.Since(began)
		if c.isStopping() {
			return
		}
		if life >= settled {
			pause, lived = firstPause, true
		}
		var exit *exec.ExitError
		if code := 0; errors.As(err, &exit) && !lived {
			code = exit.ExitCode()
			if code == cell.ExitRefused || code == cell.ExitUsage {
				c.failed <- &cell.Coded{Code: code, Err: fmt.Errorf("the %s refuses to run: %s", c.spec.Role, LastLine(c.spec.Log))}
				return
			}
		}
		slog.Warn("a process of the cell ended and is started again", "role", c.spec.Role, "ended", fmt.Sprint(err), "lived", life.Round(time.Millisecond), "pause", pause, "log", c.spec.Log)
		select {
		case <-time.After(pause):
		case <-c.stop:
			return
		}
		pause = min(2*pause, lastPause)
	}
}

// live runs the child once, from start to end.
func (c *Child) live() error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	log, err := openLog(c.spec.Log)
	if err != nil {
		read.Close()
		write.Close()
		return err
	}
	defer log.Close()
	cmd := exec.Command(c.spec.Path, c.spec.Args...)
	cmd.Args[0] = "cairn" // /proc/self/exe tells a person nothing
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{read}
	cmd.Env = append(os.Environ(), lifelineEnv+"=3")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.mu.Lock()
	if c.stopping {
		c.mu.Unlock()
		read.Close()
		write.Close()
		return nil
	}
	err = cmd.Start()
	read.Close()
	if err != nil {
		c.mu.Unlock()
		write.Close()
		return err
	}
	c.cmd, c.lifeline = cmd, write
	c.mu.Unlock()
	if err := cell.WritePid(c.spec.PidFile, cmd.Process.Pid); err != nil {
		slog.Warn("no pid file: `cairn down` won't find this process after a crash", "role", c.spec.Role, "error", err)
	}
	err = cmd.Wait()
	c.mu.Lock()
	c.cmd, c.lifeline = nil, nil
	c.mu.Unlock()
	write.Close()
	os.Remove(c.spec.PidFile) // its process is gone; a file left behind is not believed anyway
	return err
}

func (c *Child) isStopping() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopping
}

// Stop ends the child for good: it gets the word (empty: a SIGTERM), then time
// to act on it, then is killed. Call it once, after Run was started.
func (c *Child) Stop(word string, patience time.Duration) {
	c.mu.Lock()
	c.stopping = true
	close(c.stop)
	cmd, line := c.cmd, c.lifeline
	if cmd != nil {
		if word == "" {
			_ = cmd.Process.Signal(syscall.SIGTERM) // gone already is as good
		} else {
			_, _ = line.WriteString(word + "\n")
		}
	}
	c.mu.Unlock()
	select {
	case <-c.done:
		return
	case <-time.After(patience):
	}
	slog.Warn("a process of the cell does not end, it is killed", "role", c.spec.Role, "after", patience)
	c.mu.Lock()
	if c.cmd != nil {
		_ = c.cmd.Process.Kill()
	}
	c.mu.Unlock()
	<-c.done
}
