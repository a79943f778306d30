package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/alecthomas/kong"

	"cairn/tools/cairn/cell"
	"cairn/tools/cairn/client"
)

const description = `A container orchestrator with a memory, driven by the real kubectl.

WHEN is a record's offset (812), rv:N, an RFC 3339 time, or a time ago (5m, 2h, 3d).

Exit codes: 1 failed; 2 usage; 3 refused, nothing was changed; 4 the outcome is not known; 5 does not verify.`

// commands is the command line; each command lives in the file of its name.
type commands struct {
	Up        upCommand        `cmd:"" help:"Start a cell on this machine; Ctrl-C ends it and its containers."`
	Down      downCommand      `cmd:"" help:"End a cell and clean up after it; the ledger is kept."`
	Kubectl   kubectlCommand   `cmd:"" help:"The real kubectl, built in; --at WHEN looks at the past."`
	Image     imageCommand     `cmd:"" help:"Import and list images of this machine's node."`
	Events    eventsCommand    `cmd:"" help:"List records of the ledger: who did what, and what became of it."`
	Why       whyCommand       `cmd:"" help:"Tell why an object is as it is, back to the person."`
	Status    statusCommand    `cmd:"" help:"Show how far ledger and view have come, nodes, processes, growth."`
	Replay    replayCommand    `cmd:"" help:"Fold the whole ledger again into an empty view and compare."`
	Cell      cellCommand      `cmd:"" help:"Activate a gate of the cell."`
	Dataplane dataplaneCommand `cmd:"" help:"Show the rules that services work by."`
	Version   versionCommand   `cmd:"" help:"Show versions."`

	Server serverCommand `cmd:"" hidden:"" help:"Run a cell's server; cairn up does this."`
	Node   nodeCommand   `cmd:"" hidden:"" help:"Run a cell's node; cairn up does this."`
}

// placeFlags say which cell is meant.
type placeFlags struct {
	Name    string `help:"The cell's name (default: cairn)." placeholder:"NAME"`
	DataDir string `help:"Where the cell is kept (default: /var/lib/cairn, or /var/lib/cairn-NAME)." placeholder:"DIR"`
	RunDir  string `help:"Where what runs is kept (default: /run/cairn, or /run/cairn-NAME)." placeholder:"DIR"`
}

func (p placeFlags) place() client.Place {
	return client.Place{Name: p.Name, Data: p.DataDir, Run: p.RunDir}
}

// open makes a client of the cell that is meant.
func (p placeFlags) open() (*client.Client, error) {
	kubeconfig, err := p.place().Kubeconfig()
	if err != nil {
		return nil, err
	}
	return client.Open(kubeconfig)
}

func main() {
	if filepath.Base(os.Args[0]) == "kubectl" {
		os.Exit(kubectl(os.Args[1:]))
	}
	// kubectl's arguments are its own: they never pass through our parser.
	if len(os.Args) > 1 && os.Args[1] == "kubectl" {
		os.Exit(kubectl(os.Args[2:]))
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run parses and runs one command and returns its exit code.
func run(args []string, out, errs io.Writer) int {
	cli := new(commands)
	ended := -1
	parser, err := kong.New(cli, kong.Name("cairn"), kong.Description(description), kong.Writers(out, errs),
		kong.BindTo(out, (*io.Writer)(nil)), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Exit(func(code int) { ended = code; panic(errEnded) }))
	if err != nil {
		return complain(errs, err)
	}
	code, err := parseAndRun(parser, args, &ended)
	if err != nil {
		return complain(errs, err)
	}
	return code
}

// errEnded unwinds the parser after help was printed, instead of os.Exit.
var errEnded = errors.New("ended")

func parseAndRun(parser *kong.Kong, args []string, ended *int) (code int, err error) {
	defer func() {
		if r := recover(); r != nil {
			if r != any(errEnded) {
				panic(r)
			}
			code = *ended
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	ctx, err := parser.Parse(args)
	if err != nil {
		return 0, cell.Misused("%w: see `cairn --help`", err)
	}
	return 0, ctx.Run()
}

// complain prints an error as one line and returns its exit code.
func complain(errs io.Writer, err error) int {
	fmt.Fprintf(errs, "cairn: %v\n", err)
	return cell.ExitCode(err)
}
