package worldtest

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/kubernetes/scheme"

	"cairn/events"
)

// names tells what depends on chance or on the server's start in a stable form.
//
// Invariant: seen is how far the ledger has been read for names.
type names struct {
	seen   events.Offset
	shown  map[string]string // as it is -> as it is shown
	byName map[string]string // as it is shown -> as it is
	counts map[string]int    // by generateName
}

func (n *names) init() {
	n.seen, n.shown, n.byName, n.counts = events.NoOffset, map[string]string{}, map[string]string{}, map[string]int{}
}

// learn reads the objects created since.
func (n *names) learn(w *World) {
	for _, e := range w.Records(n.seen + 1) {
		n.seen++
		if e.Type != events.ObjectCreated || len(e.Parts) == 0 || e.Parts[0].Key != "" {
			continue
		}
		name := e.Subject.Name
		if o, _, err := scheme.Codecs.UniversalDeserializer().Decode(e.Parts[0].Data, nil, nil); err == nil {
			if m, err := meta.Accessor(o); err == nil && m.GetGenerateName() != "" {
				prefix := m.GetGenerateName()
				n.counts[prefix]++
				name = n.show(prefix) + strconv.Itoa(n.counts[prefix])
				n.shown[e.Subject.Name], n.byName[name] = name, e.Subject.Name
			}
		}
		n.shown[e.UID] = "uid(" + name + ")"
	}
}

func (n *names) show(text string) string {
	var known []string
	for real := range n.shown {
		if real != "" && strings.Contains(text, real) {
			known = append(known, real)
		}
	}
	sort.Slice(known, func(i, j int) bool {
		return len(known[i]) > len(known[j]) || len(known[i]) == len(known[j]) && known[i] < known[j]
	})
	for _, real := range known {
		text = strings.ReplaceAll(text, real, n.shown[real])
	}
	return text
}

var (
	revisions = regexp.MustCompile(`"resourceVersion":"(\d+)"`)
	uids      = regexp.MustCompile(`uid\(([^)]+)\)`)
)

// Shown puts a text into its stable form.
func (w *World) Shown(text string) string {
	w.names.learn(w)
	text = strings.ReplaceAll(text, string(w.CA.CertPEM()), "PEM")
	text = strings.ReplaceAll(text, strings.ReplaceAll(string(w.CA.CertPEM()), "\n", `\n`), "PEM")
	text = revisions.ReplaceAllStringFunc(text, func(s string) string {
		r, err := strconv.ParseUint(revisions.FindStringSubmatch(s)[1], 10, 64)
		if err != nil {
			return s
		}
		at := events.Revision(r).Offset(w.Cell.Position().R0)
		return fmt.Sprintf(`"resourceVersion":"%d.%d"`, at-w.First, r&events.MaxOrdinal)
	})
	return w.names.show(text)
}

// Real gives the name behind a shown one.
func (w *World) Real(name string) string {
	w.names.learn(w)
	if real, ok := w.names.byName[name]; ok {
		return real
	}
	return name
}

// real puts uids and names in place of what stands for them in a text.
func (n *names) real(w *World, text string) (string, error) {
	n.learn(w)
	var failed error
	text = uids.ReplaceAllStringFunc(text, func(s string) string {
		ref := parseRef(uids.FindStringSubmatch(s)[1])
		o, err := w.Cell.Get(ref, 0)
		if err != nil {
			failed = fmt.Errorf("%s: %w", ref, err)
			return s
		}
		return o.UID
	})
	return text, failed
}

// parseRef reads KIND/NAME, KIND/NAMESPACE/NAME or KIND.
func parseRef(s string) events.Ref {
	parts := strings.Split(s, "/")
	switch len(parts) {
	case 1:
		return events.Ref{Kind: parts[0]}
	case 2:
		return events.Ref{Kind: parts[0], Name: parts[1]}
	}
	return events.Ref{Kind: parts[0], Namespace: parts[1], Name: parts[2]}
}
