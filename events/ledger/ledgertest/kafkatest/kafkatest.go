package kafkatest

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Environment names a broker to use instead of one of our own.
const Environment = "CAIRN_TEST_KAFKA"

var shared struct {
	once sync.Once
	addr string
	err  error
	hold io.Closer // the broker lives until it is closed, at the latest with the process
}

// Broker returns the address (HOST:PORT) of a Kafka broker that all tests of
// this process share. The first call takes about 4 s.
func Broker(t testing.TB) (addr string) {
	t.Helper()
	shared.once.Do(func() {
		if shared.addr = os.Getenv(Environment); shared.addr == "" {
			shared.addr, shared.hold, shared.err = start()
		}
	})
	if shared.err != nil {
		t.Fatalf("no Kafka broker to test with (set %s=HOST:PORT to use your own): %v", Environment, shared.err)
	}
	return shared.addr
}

// Own starts a broker of the test's own, for tests that stop it. stop kills
// it; the test's end does so too.
func Own(t testing.TB) (addr string, stop func()) {
	t.Helper()
	addr, hold, err := start()
	if err != nil {
		t.Fatalf("no Kafka broker to test with: %v", err)
	}
	stop = sync.OnceFunc(func() {
		if err := hold.Close(); err != nil {
			t.Errorf("end the broker: %v", err)
		}
	})
	t.Cleanup(stop)
	return addr, stop
}

// Topic returns a topic name for this test alone.
func Topic(t testing.TB) string {
	t.Helper()
	var b [6]byte
	if _, err := rand.Read(b[:]); err != nil {
		t.Fatal(err)
	}
	return "cairn-test-" + hex.EncodeToString(b[:])
}

// Script returns the path of kafka.sh. A test runs in its package's folder, so
// the checkout is the nearest folder above that has a go.mod; file names in the
// binary would be gone with -trimpath.
func Script() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for top := dir; ; top = filepath.Dir(top) {
		if _, err := os.Stat(filepath.Join(top, "go.mod")); err == nil {
			return filepath.Join(top, "deploy/kafka/kafka.sh"), nil
		}
		if top == filepath.Dir(top) {
			return "", fmt.Errorf("no checkout above %s: run the test in its source tree, or set %s", dir, Environment)
		}
	}
}

// start tries a few times: between the choice of a port and its use another
// may take it.
func start() (addr string, hold io.Closer, err error) {
	script, err := Script()
	if err != nil {
		return "", nil, err
	}
	for range 4 {
		var ports [2]int
		for i := range ports {
			if ports[i], err = freePort(); err != nil {
				return "", nil, err
			}
		}
		if addr, hold, err = launch(script, ports); err == nil {
			return addr, hold, nil
		}
		if !strings.Contains(err.Error(), "in use") {
			break
		}
	}
	return "", nil, err
}

// freePort picks a port below those that the kernel hands out for outgoing
// connections.
func freePort() (int, error) {
	for range 100 {
		port := 20000 + mathrand.IntN(12000)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("no free port between 20000 and 32000 on 127.0.0.1")
}

// broker is a running kafka.sh ephemeral.
type broker struct {
	stdin io.Closer
	cmd   *exec.Cmd
}

// Close lets the script end the broker and waits until its folder is gone.
func (b *broker) Close() error {
	if err := b.stdin.Close(); err != nil {
		return err
	}
	return b.cmd.Wait()
}

// patient gives a broker more time to start than a person would: tests of
// several packages, and their brokers, run at once.
func patient() []string { return append(os.Environ(), "CAIRN_KAFKA_WAIT=240") }

func launch(script string, ports [2]int) (string, io.Closer, error) {
	cmd := exec.Command(script, "ephemeral", strconv.Itoa(ports[0]), strconv.Itoa(ports[1]))
	cmd.Env = patient()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a Ctrl-C at the terminal reaches us; the pipe's end reaches it
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	addr, ready := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	b := &broker{stdin, cmd}
	if err != nil || !ready {
		cerr := b.Close()
		return "", nil, fmt.Errorf("%s ephemeral: %v: %s", script, cerr, strings.TrimSpace(stderr.String()))
	}
	return addr, b, nil
}
