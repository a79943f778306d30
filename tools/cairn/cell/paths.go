package cell

import (
	"path/filepath"
	"regexp"
	"strings"
)

// DefaultName is the cell that is meant when none is named.
const DefaultName = "cairn"

// NetState is shared by all cells of this machine: who changed which of its
// network settings. It does not outlive a boot.
const NetState = "/run/cairn-net"

// Paths is where a cell lives. Both folders are absolute.
type Paths struct{ Data, Run string }

var nameForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$`)

// Locate finds a cell's folders and name from what was given; empty values are
// derived. A name gives both folders; a data folder without a name gives the
// name that its cell.json says, else the folder's own.
func Locate(name, data, run string) (string, Paths, error) {
	if data != "" {
		abs, err := filepath.Abs(data)
		if err != nil {
			return "", Paths{}, err
		}
		data = abs
		if s, err := Load(Paths{Data: data}); err == nil {
			if name == "" {
				name = s.Name
			}
			if run == "" {
				run = s.RunDir
			}
		}
	}
	if name == "" {
		name = DefaultName
		if data != "" && data != "/var/lib/cairn" {
			name = strings.TrimPrefix(strings.ToLower(filepath.Base(data)), "cairn-")
		}
	}
	if !nameForm.MatchString(name) {
		return "", Paths{}, Misused("the cell's name %q won't do: write at most 24 of a-z, 0-9 and inner '-' with --name", name)
	}
	suffix := "-" + name
	if name == DefaultName {
		suffix = ""
	}
	if data == "" {
		data = "/var/lib/cairn" + suffix
	}
	if run == "" {
		run = "/run/cairn" + suffix
	}
	run, err := filepath.Abs(run)
	return name, Paths{Data: data, Run: run}, err
}

// Settings is the file of what was fixed at the first start.
func (p Paths) Settings() string { return filepath.Join(p.Data, "cell.json") }

// Lock is held by the cell's supervisor.
func (p Paths) Lock() string { return filepath.Join(p.Data, "lock") }

// Ledger is the embedded ledger's folder.
func (p Paths) Ledger() string { return filepath.Join(p.Data, "ledger") }

// View is the store's folder.
func (p Paths) View() string { return filepath.Join(p.Data, "view") }

// PKI holds the certificates.
func (p Paths) PKI() string { return filepath.Join(p.Data, "pki") }

// Keys holds the keys that Secrets are sealed with.
func (p Paths) Keys() string { return filepath.Join(p.Data, "keys") }

// Node is the node daemon's lasting folder: images, volumes, container logs.
func (p Paths) Node() string { return filepath.Join(p.Data, "node") }

// Images is the node's image store.
func (p Paths) Images() string { return filepath.Join(p.Node(), "images") }

// Programs holds the shim and pause programs: not in RunDir, which may be noexec.
func (p Paths) Programs() string { return filepath.Join(p.Node(), "lib") }

// NodePKI holds what the node shows to servers: its own certificate and the CA's.
func (p Paths) NodePKI() string { return filepath.Join(p.Node(), "pki") }

// Logs holds a log of each process.
func (p Paths) Logs() string { return filepath.Join(p.Data, "logs") }

// Log is the log of one process of the cell: up, server or node.
func (p Paths) Log(role string) string { return filepath.Join(p.Logs(), role+".log") }

// Kubeconfig is the one that names the person who ran `cairn up`.
func (p Paths) Kubeconfig() string { return filepath.Join(p.Data, "kubeconfig") }

// Pid is the pid file of one process of the cell.
func (p Paths) Pid(role string) string { return filepath.Join(p.Run, role+".pid") }

// Ready is there while the cell is ready; it holds the lines a user needs.
func (p Paths) Ready() string { return filepath.Join(p.Run, "ready") }

// NodeSocket is where the node answers questions of this machine's root.
func (p Paths) NodeSocket() string { return filepath.Join(p.Run, "node.sock") }

// NodeRun is the node daemon's folder of what runs: it mounts a tmpfs there.
func (p Paths) NodeRun() string { return filepath.Join(p.Run, "node") }
