package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"cairn/events/feed"
	"cairn/nodes/daemon"
	"cairn/nodes/host"
	"cairn/tools/cairn/cell"
	"cairn/tools/cairn/client"
	"cairn/tools/cairn/sweep"
)

type downCommand struct {
	placeFlags
	Purge purgeFlag `help:"Remove ledger, keys and images too. Asks for the cell's name, or write --purge=NAME." placeholder:"NAME"`
}

// purgeFlag is a flag that may have a value: --purge, --purge=NAME.
type purgeFlag struct {
	Set  bool
	Name string
}

// IsBool lets kong take the flag without a value.
func (purgeFlag) IsBool() bool { return true }

// Decode reads the value where there is one.
func (p *purgeFlag) Decode(ctx *kong.DecodeContext) error {
	p.Set = true
	if ctx.Scan.Peek().Type == kong.FlagValueToken {
		p.Name = fmt.Sprint(ctx.Scan.Pop().Value)
	}
	return nil
}

func (c *downCommand) Run(out io.Writer) error {
	if os.Geteuid() != 0 {
		return cell.Refuse("ending a cell needs root: run it with sudo")
	}
	_, paths, err := c.place().Locate()
	if err != nil {
		return err
	}
	s, err := cell.Load(paths)
	if errors.Is(err, os.ErrNotExist) {
		return cell.Refuse("there is no cell in %s: name another with --data-dir or --name", paths.Data)
	}
	if err != nil {
		return err
	}
	if c.Purge.Set {
		if err := c.confirm(out, s, paths); err != nil {
			return err
		}
	}
	if err := endCell(paths, s); err != nil {
		return err
	}
	if !c.Purge.Set {
		fmt.Fprintf(out, "cell %s has ended; kept: %s (ledger, keys, images); start it again with `%s`\n", s.Name, paths.Data, command("up", paths))
		return nil
	}
	if err := os.RemoveAll(paths.Data); err != nil {
		return fmt.Errorf("remove the cell's data: %w", err)
	}
	if err := forgetKubeconfig(paths); err != nil {
		return err
	}
	kept := ""
	if s.Ledger != "embedded" {
		kept = "; what it has in Kafka is kept, but its secrets can't be read any more: " + removeTopics(s)
	}
	fmt.Fprintf(out, "cell %s has ended, and %s is removed%s\n", s.Name, paths.Data, kept)
	return nil
}

// forgetKubeconfig removes the machine's kubeconfig where it is the cell's.
func forgetKubeconfig(paths cell.Paths) error {
	if paths.Data != "/var/lib/cairn" {
		return nil
	}
	if err := os.Remove(client.AdminKubeconfig); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	os.Remove("/etc/cairn") // unless there is something else in it
	return nil
}

// endCell ends a cell's processes, however it was left, and sweeps.
func endCell(paths cell.Paths, s *cell.Settings) error {
	if up, alive := cell.ReadPid(paths.Pid("up")); alive {
		if err := up.End(2*drainPatience + 2*endPatience); err != nil {
			return err
		}
	}
	// What its supervisor left, because it was killed, say.
	for _, role := range []string{"node", "server"} {
		if p, alive := cell.ReadPid(paths.Pid(role)); alive {
			if err := p.End(endPatience); err != nil {
				return err
			}
		}
	}
	endPods(paths, s)
	return sweep.Cell(paths, s)
}

// endPods ends the containers of a node that is dead, as it would have done;
// without a server to hear of it. Where that fails they are asked all the same,
// and what does not end is killed by the sweep.
func endPods(paths cell.Paths, s *cell.Settings) {
	if len(sweep.Programs(paths.Programs())) == 0 {
		return // no shim of this very cell lives, so nothing of its pods does
	}
	err := shutDown(paths, s)
	if err == nil {
		return
	}
	slog.Warn("the pods are not ended in good order", "error", err)
	if err := sweep.Drain(paths, s, endForeign); err != nil {
		slog.Warn("containers are not asked to end, they are killed", "error", err)
	}
}

func shutDown(paths cell.Paths, s *cell.Settings) error {
	machine, err := host.Open(hostConfig(paths, s, slog.Default()))
	if err != nil {
		return err
	}
	d, err := daemon.New(daemon.Config{Info: feed.NodeInfo{Name: s.NodeName}, Runtime: machine})
	if err != nil {
		return err
	}
	return d.Shutdown(context.Background(), endContainers)
}

// confirm wants the cell's name typed: what --purge removes is the only copy.
func (c *downCommand) confirm(out io.Writer, s *cell.Settings, paths cell.Paths) error {
	typed := c.Purge.Name
	if typed == "" {
		fmt.Fprintf(out, "This removes %s with the ledger of cell %s for ever. Type the cell's name to go on: ", paths.Data, s.Name)
		line, err := bufio.NewReader(os.Stdin).ReadString('\n')
		if err != nil && line == "" {
			return cell.Refuse("nothing was typed, nothing was removed: write --purge=%s", s.Name)
		}
		typed = strings.TrimSpace(line)
	}
	if typed != s.Name {
		return cell.Refuse("%q is not the name of this cell, %s: nothing was ended or removed", typed, s.Name)
	}
	return nil
}
