package tidy

import (
	"fmt"
	"strings"
)

// direction says what a folder's packages may import of our own: the folders
// named, and what lies in their own folder.
type direction struct {
	folder string
	may    []string
}

// directions is the picture of the architecture; the first row that fits a
// package counts.
//
//	events <- projections/{fold,view} <- reconcilers, nodes, dataplane
//	tools imports all; nobody imports tools
//
// Reconcilers, nodes and the API server never import each other: they meet in
// the ledger. deploy holds programs for examples; the product imports none.
var directions = []direction{
	{"events", nil},
	{"projections/fit", []string{"events"}},
	{"projections/fold", []string{"events", "projections/fit"}},
	{"projections/view", []string{"events", "projections/fold"}},
	{"projections", []string{"events"}},
	// The engine alone acts on intents: it appends through the follower.
	{"reconcilers/engine", []string{"events", "projections/fold", "projections/view", "projections/follower", "reconcilers"}},
	{"reconcilers", []string{"events", "projections/fold", "projections/fit", "projections/view"}},
	{"nodes", []string{"events", "projections/view"}},
	{"dataplane", []string{"events", "projections/view"}},
	{"tools", []string{"events", "projections", "reconcilers", "nodes", "dataplane"}},
	{"deploy/examples/guestbook", nil},
	{"deploy/examples/mkimage", nil},
}

// owner says where alone a dependency may be imported, tests included.
type owner struct{ dependency, folder string }

var owners = []owner{
	{"github.com/segmentio/kafka-go", "events/ledger/kafka"},
	{"github.com/cockroachdb/pebble", "projections/store"},
	{"github.com/google/nftables", "dataplane/nft"},
	{"github.com/containerd/go-runc", "nodes"},
	{"github.com/alecthomas/kong", "tools/cairn"},
	{"k8s.io/kubernetes", "projections/apiserver"},
}

// Directions finds imports of our own packages against the arrows.
func Directions(t *Tree) []string {
	var found []string
	for _, f := range t.Go {
		for _, name := range f.Imports {
			target, ours := strings.CutPrefix(name, module+"/")
			if !ours {
				continue
			}
			d, ok := directionOf(f.Dir)
			if !ok {
				found = append(found, fmt.Sprintf("%s: folder %s is not in the picture: put the package under a folder of tools/tidy/imports.go", f.Path, f.Dir))
				break
			}
			if under(target, d.folder) || underAny(target, d.may) {
				continue
			}
			found = append(found, fmt.Sprintf("%s imports %s: %s may import %s; take the type to where both may see it, or hand it in as an interface from tools/cairn",
				f.Path, name, d.folder, allowed(d)))
		}
	}
	return found
}

func directionOf(dir string) (direction, bool) {
	for _, d := range directions {
		if under(dir, d.folder) {
			return d, true
		}
	}
	return direction{}, false
}

func allowed(d direction) string {
	if len(d.may) == 0 {
		return "only its own folder"
	}
	return "its own folder, " + strings.Join(d.may, ", ")
}

// Owners finds dependencies imported outside the folder that owns them.
func Owners(t *Tree) []string {
	var found []string
	for _, f := range t.Go {
		for _, name := range f.Imports {
			for _, o := range owners {
				// A major version is the same dependency: pebble/v2.
				if under(name, o.dependency) && !under(f.Dir, o.folder) {
					found = append(found, fmt.Sprintf("%s imports %s: only %s may; use what that package exports", f.Path, name, o.folder))
				}
			}
		}
	}
	return found
}
