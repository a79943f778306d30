package tidy

import (
	"encoding/xml"
	"flag"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write today's numbers to sizes.txt")

// root is the checkout, seen from this package's folder, in which go test runs.
const root = "../.."

const sizesHead = `# What is tolerated today; tools/tidy/goals.go has the goals. A number may be
# lowered by anyone: go test ./tools/tidy -run Sizes -rewrite
`

func checkout(t *testing.T) *Tree {
	t.Helper()
	tree, err := Read(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Go) < 10 {
		t.Fatalf("only %d Go files were found: the rules would pass on nothing", len(tree.Go))
	}
	return tree
}

// The rules over the checkout itself.
func TestTheCheckout(t *testing.T) {
	tree := checkout(t)
	for _, rule := range []struct {
		name string
		find func(*Tree) []string
	}{
		{"Directions", Directions},
		{"Owners", Owners},
		{"Purity", Purity},
		{"Layout", Layout},
		{"Formatted", Formatted},
		{"Skips", Skips},
		{"Traces", func(tree *Tree) []string { return Traces(tree, machineWords(t)) }},
	} {
		t.Run(rule.name, func(t *testing.T) {
			for _, f := range rule.find(tree) {
				t.Error(f)
			}
		})
	}
}

func TestSizes(t *testing.T) {
	sizes, names := Measure(checkout(t))
	if *rewrite {
		if err := os.WriteFile("sizes.txt", []byte(sizesHead+sizes.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("sizes.txt")
	if err != nil {
		t.Fatal(err)
	}
	tolerated, err := ParseSizes(string(text))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("today:\n%v", sizes)
	if worse := sizes.Worse(tolerated); len(worse) > 0 {
		t.Errorf("%s\nthese are over the goals:\n  %s", strings.Join(worse, "\n"), strings.Join(names, "\n  "))
	}
}

// machineWords returns what would betray this machine: the checkout's own
// path, and the hosts from which modules and jars are fetched here.
func machineWords(t *testing.T) []string {
	t.Helper()
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	words := []string{here + "/"}
	proxies, err := exec.Command("go", "env", "GOPROXY", "GOSUMDB").Output()
	if err != nil {
		t.Fatal(err)
	}
	addresses := strings.FieldsFunc(string(proxies), func(r rune) bool { return strings.ContainsRune(",| \n", r) })
	for _, a := range append(addresses, mavenMirrors(t)...) {
		u, err := url.Parse(a)
		if err == nil && u.Hostname() != "" {
			words = append(words, u.Hostname())
		}
	}
	return words
}

// mavenMirrors returns the mirrors of the user's Maven settings, if any.
func mavenMirrors(t *testing.T) []string {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil // no home, no settings
	}
	text, err := os.ReadFile(filepath.Join(home, ".m2", "settings.xml"))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var settings struct {
		Mirrors []string `xml:"mirrors>mirror>url"`
	}
	if err := xml.Unmarshal(text, &settings); err != nil {
		t.Fatal(err)
	}
	return settings.Mirrors
}
