package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"cairn/dataplane"
	"cairn/tools/cairn/cell"
	"cairn/tools/cairn/network"
	"cairn/tools/cairn/supervise"
	"cairn/tools/cairn/sweep"
)

// Patience with processes that are asked to end.
const (
	drainPatience  = endContainers + 15*time.Second // and to clear away after them
	endPatience    = 20 * time.Second
	readyPatience  = 90 * time.Second // a long ledger may have to be folded first
	detachPatience = readyPatience + 15*time.Second
)

type upCommand struct {
	placeFlags
	Listen       string `help:"Where the API is served (default: 127.0.0.1:6443)." placeholder:"ADDR:PORT"`
	Ledger       string `help:"embedded (the default), or kafka://HOST:PORT[/PREFIX]. Fixed at the first start." placeholder:"LEDGER"`
	PodRange     string `help:"Addresses for pods (default: 10.244.0.0/16). Fixed at the first start." placeholder:"CIDR"`
	ServiceRange string `help:"Addresses for services (default: 10.96.0.0/16). Fixed at the first start." placeholder:"CIDR"`
	NodePorts    string `help:"Ports that services may get on this machine's addresses (default: 30000-32767). Fixed at the first start." placeholder:"LOW-HIGH"`
	NodeName     string `help:"This machine's name in the cell (default: its host name)." placeholder:"NODE"`
	NodeAddress  string `help:"This machine's address for other nodes and for node ports (default: the one it routes from)." placeholder:"IP"`
	Detach       bool   `help:"Return when the cell is ready; it runs on."`
	Keep         bool   `help:"At the end leave containers running; the next up adopts them."`
}

func (c *upCommand) Run(out io.Writer) error {
	if os.Geteuid() != 0 {
		return cell.Refuse("a cell needs root for containers and network: run it with sudo")
	}
	name, paths, err := cell.Locate(c.Name, c.DataDir, c.RunDir)
	if err != nil {
		return err
	}
	attempt, err := cell.Begin(paths)
	if err != nil {
		return fmt.Errorf("make the cell's folders: %w", err)
	}
	if c.Detach {
		err = detach(out, paths)
	} else {
		err = c.attend(out, name, paths, attempt.First())
	}
	if err == nil || isDetached() { // whoever detached it still wants to read its log
		return err
	}
	if undone := attempt.Undo(); undone != nil {
		slog.Warn("what this attempt made is not all removed", "error", undone)
	}
	if _, gone := os.Stat(paths.Settings()); errors.Is(gone, os.ErrNotExist) {
		return errors.Join(err, forgetKubeconfig(paths))
	}
	return err
}

// attend starts the cell and stays with it to its end.
func (c *upCommand) attend(out io.Writer, name string, paths cell.Paths, first bool) error {
	if err := cell.Claim(paths); err != nil {
		return err
	}
	lock, err := cell.Take(paths)
	if err != nil {
		return err
	}
	defer lock.Release()
	if err := os.MkdirAll(paths.Logs(), 0o750); err != nil {
		return err
	}
	s, err := c.settle(name, paths)
	if err != nil {
		return err
	}
	if err := checkNetwork(s, paths, first); err != nil {
		return err
	}
	if err := issue(paths, s); err != nil {
		return err
	}
	return c.supervise(out, paths, s)
}

// checkNetwork refuses what this machine has no room for. A cell that is there
// already may not lose its services for node ports that overlap.
func checkNetwork(s *cell.Settings, paths cell.Paths, first bool) error {
	err := network.Check(s, paths.Data)
	os.Remove(cell.NetState) // unless a cell has a claim in it
	var taken *dataplane.Collision
	if errors.As(err, &taken) {
		if taken.Flag == "--node-ports" && !first {
			slog.Warn("a service may get a node port that another cell has given away", "reason", err)
			return nil
		}
		return &cell.Coded{Code: cell.ExitRefused, Err: err}
	}
	return err
}

// settle fixes and checks what can be checked before anything is started.
func (c *upCommand) settle(name string, paths cell.Paths) (*cell.Settings, error) {
	if c.Ledger != "" && c.Ledger != "embedded" {
		if _, _, err := parseKafka(c.Ledger, name); err != nil {
			return nil, err
		}
	}
	s, err := cell.Settle(paths, cell.Settings{Name: name, Ledger: c.Ledger, PodRange: c.PodRange,
		ServiceRange: c.ServiceRange, NodePorts: c.NodePorts, Listen: c.Listen, NodeName: c.NodeName})
	if err != nil {
		return nil, err
	}
	// A server and node whose supervisor was killed end by themselves: see that
	// they did, or they would hold the port.
	for _, role := range []string{"server", "node"} {
		if p, alive := cell.ReadPid(paths.Pid(role)); alive {
			if err := p.End(endPatience); err != nil {
				return nil, err
			}
		}
	}
	if err := cell.CheckListen(s.Listen); err != nil {
		return nil, err
	}
	return s, nil
}

// supervise runs the cell until a signal, or until one of its processes refuses.
func (c *upCommand) supervise(out io.Writer, paths cell.Paths, s *cell.Settings) error {
	os.Remove(paths.Ready())
	if err := cell.WritePid(paths.Pid("up"), os.Getpid()); err != nil {
		return err
	}
	defer os.Remove(paths.Pid("up"))
	stop := make(chan os.Signal, 2)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	where := []string{"--data-dir", paths.Data, "--run-dir", paths.Run}
	node := append([]string{"node"}, where...)
	if c.NodeAddress != "" {
		node = append(node, "--node-address", c.NodeAddress)
	}
	child := func(role string, args []string) *supervise.Child {
		child := supervise.New(supervise.Spec{Role: role, Path: "/proc/self/exe", Args: args, Log: paths.Log(role), PidFile: paths.Pid(role)})
		go child.Run()
		return child
	}
	began := time.Now()
	server, daemon := child("server", append([]string{"server"}, where...)), child("node", node)

	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan error, 1)
	go func() { ready <- awaitReady(ctx, paths, s, began) }()

	var why error
wait:
	for {
		select {
		case err := <-ready:
			ready = nil
			if err != nil {
				slog.Warn("the cell is not ready yet; it goes on trying", "reason", err, "logs", paths.Logs())
				continue
			}
			if err := announce(out, paths, s); err != nil {
				why = err
				break wait
			}
		case why = <-server.Failed():
			break wait
		case why = <-daemon.Failed():
			break wait
		case <-stop:
			break wait
		}
	}
	cancel()
	os.Remove(paths.Ready())
	if err := c.end(out, paths, s, server, daemon); why == nil {
		why = err
	}
	return why
}

// end ends the cell's processes in order: containers while the server can
// still take down what became of them, then the server.
func (c *upCommand) end(out io.Writer, paths cell.Paths, s *cell.Settings, server, node *supervise.Child) error {
	if c.Keep {
		node.Stop("", endPatience)
		server.Stop("", endPatience)
		fmt.Fprintf(out, "cell %s ended; its containers run on, and the next `%s` adopts them; kept: %s\n", s.Name, command("up", paths), paths.Data)
		return nil
	}
	fmt.Fprintf(out, "ending cell %s and its containers...\n", s.Name)
	node.Stop(supervise.Drain, drainPatience)
	endPods(paths, s) // the node has done so, unless it was dead
	server.Stop("", endPatience)
	if err := sweep.Cell(paths, s); err != nil {
		return err
	}
	fmt.Fprintf(out, "cell %s ended; kept: %s (ledger, keys, images); start it again with `%s`\n", s.Name, paths.Data, command("up", paths))
	return nil
}
