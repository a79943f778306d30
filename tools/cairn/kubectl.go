package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/plugin"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"

	"cairn/tools/cairn/cell"
	"cairn/tools/cairn/client"
)

// kubectlCommand stands in the help; its arguments go to kubectl as they are.
type kubectlCommand struct {
	At   string   `help:"Look at the cell as of WHEN, read-only." placeholder:"WHEN"`
	Args []string `arg:"" optional:"" passthrough:"" help:"kubectl's own arguments."`
}

func (k *kubectlCommand) Run() error {
	return cell.Misused("write cairn kubectl [--at WHEN] ARGS...")
}

// kubectl runs the real kubectl. Flags of ours come before its arguments:
// --at WHEN, --name NAME, --data-dir DIR.
func kubectl(args []string) int {
	at, place, args, err := ownFlags(args)
	if err == nil {
		err = chooseKubeconfig(place, args)
	}
	if err != nil {
		return complain(os.Stderr, err)
	}
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	flags := genericclioptions.NewConfigFlags(true).WithDeprecatedPasswordFlag().WithDiscoveryBurst(300).WithDiscoveryQPS(50).WithWarningPrinter(streams)
	if at != "" {
		forget, err := intoThePast(flags, at)
		if err != nil {
			return complain(os.Stderr, err)
		}
		defer forget()
	}
	os.Args = append([]string{"kubectl"}, args...) // kubectl looks for plugins there
	command := cmd.NewDefaultKubectlCommandWithArgs(cmd.KubectlOptions{
		PluginHandler: cmd.NewDefaultPluginHandler(plugin.ValidPluginFilenamePrefixes),
		Arguments:     os.Args, ConfigFlags: flags, IOStreams: streams,
	})
	if err := cli.RunNoErrOutput(command); err != nil {
		cmdutil.CheckErr(err) // prints it as kubectl does, and ends the process with its code
	}
	return 0
}

// ownFlags takes our flags from the front of the arguments.
func ownFlags(args []string) (at string, place client.Place, rest []string, err error) {
	ours := map[string]*string{"--at": &at, "--name": &place.Name, "--data-dir": &place.Data}
	for len(args) > 0 {
		flag, value, joined := strings.Cut(args[0], "=")
		into := ours[flag]
		if into == nil {
			break
		}
		if !joined {
			if len(args) < 2 {
				return "", place, nil, cell.Misused("%s wants a value", flag)
			}
			value, args = args[1], args[1:]
		}
		if value == "" {
			return "", place, nil, cell.Misused("%s wants a value", flag)
		}
		*into, args = value, args[1:]
	}
	return at, place, args, nil
}

// chooseKubeconfig sets KUBECONFIG to the cell's where the user named none.
func chooseKubeconfig(place client.Place, args []string) error {
	for _, a := range args {
		flag, _, _ := strings.Cut(a, "=")
		if slices.Contains([]string{"--kubeconfig", "--server", "-s"}, flag) {
			return nil
		}
	}
	file, err := place.Kubeconfig()
	if err != nil {
		if offline(args) {
			return nil
		}
		return err
	}
	if place == (client.Place{}) && os.Getenv("KUBECONFIG") != "" {
		return nil // a list of several is kubectl's to merge
	}
	return os.Setenv("KUBECONFIG", file)
}

// offline reports whether kubectl needs no server for its arguments.
func offline(args []string) bool {
	if len(args) == 0 || slices.Contains([]string{"help", "completion", "kustomize", "options", "plugin", "config", "__complete"}, args[0]) {
		return true
	}
	return slices.ContainsFunc(args, func(a string) bool { return a == "--help" || a == "-h" || strings.HasPrefix(a, "--client") })
}

// intoThePast makes every request of kubectl one about the moment WHEN, which
// is resolved once, by the first request. The function it returns removes the
// discovery cache of that moment, which nobody would ever use again.
func intoThePast(flags *genericclioptions.ConfigFlags, when string) (forget func(), err error) {
	cache, err := os.MkdirTemp("", "cairn-kubectl-")
	if err != nil {
		return nil, err
	}
	forget = func() { os.RemoveAll(cache) }
	flags.CacheDir = &cache
	var once sync.Once
	var path string
	flags.WithWrapConfigFn(func(c *rest.Config) *rest.Config {
		once.Do(func() {
			path, err = pastPath(c, when)
			if err != nil {
				forget()
				os.Exit(complain(os.Stderr, err))
			}
		})
		c.Host = strings.TrimSuffix(c.Host, "/") + path
		return c
	})
	cmdutil.BehaviorOnFatal(func(msg string, code int) {
		forget()
		if msg != "" {
			fmt.Fprintln(os.Stderr, strings.TrimSuffix(msg, "\n"))
		}
		os.Exit(code)
	})
	return forget, nil
}

// pastPath asks the server which moment WHEN is and says so on stderr.
func pastPath(c *rest.Config, when string) (string, error) {
	ask, err := client.For(rest.CopyConfig(c))
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	m, err := ask.When(ctx, when)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(os.Stderr, "as of record %d, %s\n", m.Offset, m.Time.Local().Format("2006-01-02 15:04:05.000 MST"))
	return fmt.Sprintf("/@%d", m.Offset), nil
}
