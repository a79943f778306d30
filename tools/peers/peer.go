package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"cairn/projections/apiserver/pki"
)

// readyPatience is how long a server may take to answer ready.
const readyPatience = 2 * time.Minute

// users are how many people the load comes from, each with a connection of
// their own: cairn bounds what one may append.
const users = 4

// program is one process of a peer.
type program struct {
	path string
	args []string
}

// peer is an API server with what it stores into.
type peer struct {
	name     string
	dir      string
	programs []program // in the order of their start
	url      string
	configs  [users]*rest.Config
	clients  [users]*kubernetes.Clientset
	running  []*exec.Cmd
	spent    time.Duration // CPU time of programs that were killed
}

// login makes the clients of a server whose certificate and theirs ca signs.
func (p *peer) login(ca *pki.Authority) error {
	for i := range users {
		pair, err := ca.Issue(fmt.Sprintf("bench-%d", i), "system:masters")
		if err != nil {
			return err
		}
		p.configs[i] = &rest.Config{Host: p.url, QPS: -1, WarningHandler: rest.NoWarnings{},
			ContentConfig:   rest.ContentConfig{ContentType: "application/vnd.kubernetes.protobuf", AcceptContentTypes: "application/vnd.kubernetes.protobuf,application/json"},
			TLSClientConfig: rest.TLSClientConfig{CAData: ca.CertPEM(), CertData: pair.Cert, KeyData: pair.Key}}
		if p.clients[i], err = kubernetes.NewForConfig(p.configs[i]); err != nil {
			return err
		}
	}
	return nil
}

// start starts all programs and returns once the server answers ready.
func (p *peer) start(ctx context.Context) error {
	for _, g := range p.programs {
		log, err := os.OpenFile(p.log(g), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		cmd := exec.Command(g.path, g.args...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir, log, log
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		err = cmd.Start()
		log.Close()
		if err != nil {
			return fmt.Errorf("start %s: %w", g.path, err)
		}
		p.running = append(p.running, cmd)
	}
	return p.awaitReady(ctx)
}

func (p *peer) log(g program) string { return filepath.Join(p.dir, filepath.Base(g.path)+".log") }

// kill ends all programs at once, as a loss of power would.
func (p *peer) kill() {
	if c, err := p.cpu(); err == nil {
		p.spent = c
	}
	for _, cmd := range p.running {
		_ = cmd.Process.Kill() // it may have ended
	}
	for _, cmd := range p.running {
		_ = cmd.Wait()
	}
	p.running = nil
}

func (p *peer) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	for {
		err := p.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w\n%s", p.name, err, p.lastWords())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// ready asks over a new connection, as somebody would who has just come.
func (p *peer) ready(ctx context.Context) error {
	cfg := rest.CopyConfig(p.configs[0])
	tls, err := rest.TLSConfigFor(cfg)
	if err != nil {
		return err
	}
	t := &http.Transport{TLSClientConfig: tls, DisableKeepAlives: true}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := t.RoundTrip(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("/readyz answers %d: %.200s", resp.StatusCode, body)
	}
	return err
}

// lastWords are the ends of the programs' logs.
func (p *peer) lastWords() string {
	var all strings.Builder
	for _, g := range p.programs {
		b, _ := os.ReadFile(p.log(g)) // without a log there is nothing to show
		fmt.Fprintf(&all, "%s:\n%s\n", p.log(g), b[max(0, len(b)-2000):])
	}
	return all.String()
}

// cpu is what its programs have used so far.
func (p *peer) cpu() (sum time.Duration, err error) {
	sum = p.spent
	for _, cmd := range p.running {
		t, err := cpuOf(cmd.Process.Pid)
		if err != nil {
			return 0, err
		}
		sum += t
	}
	return sum, nil
}

// memory is the sum of the programs' resident bytes, and of their peaks.
func (p *peer) memory() (sum usage, err error) {
	for _, cmd := range p.running {
		u, err := memory(cmd.Process.Pid)
		if err != nil {
			return sum, err
		}
		sum.now, sum.own, sum.peak = sum.now+u.now, sum.own+u.own, sum.peak+u.peak
	}
	return sum, nil
}

func (p *peer) resetPeak() error {
	var err error
	for _, cmd := range p.running {
		err = errors.Join(err, resetPeak(cmd.Process.Pid))
	}
	return err
}

// freePorts returns loopback ports that nobody listens on now.
func freePorts(n int) (ports []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	return ports, nil
}
