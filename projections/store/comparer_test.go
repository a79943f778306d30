package store

import (
	"bytes"
	"slices"
	"testing"

	"cairn/events"

	"github.com/cockroachdb/pebble/v2"
)

var awkward = []string{"", "a", "a-", "a.b", "ab", "a\x00", "a\x00b", "a\x01", "a\x01\x01", "\t", "a\t", "\x09\x00\x09", "ÿ"}

func TestComparerKeepsPebblesRules(t *testing.T) {
	prefixes := [][]byte{{tagNow}, {end}, kindKey(tagNow, "pods"), recordKey(9), recordKey(0x0900), stateKey([]byte{9}), stateKey(""), effectKey(0x0900, 9), birthPrefix("pods", 9), metaKey("tip")}
	for _, s := range awkward {
		prefixes = append(prefixes, refKey(tagVersion, events.Ref{Kind: "k", Namespace: s, Name: "n"}), refKey(tagVersion, events.Ref{Kind: "k", Name: s}))
	}
	var suffixes [][]byte
	for _, at := range []events.Revision{1, 9, 1 << 20, 9 << 56, ^events.Revision(0)} {
		k := versionKey(events.Ref{}, at)
		suffixes = append(suffixes, k[split(k):])
	}
	prefixes = slices.DeleteFunc(prefixes, func(p []byte) bool { return p[len(p)-1] != end }) // bounds are no rows
	if err := pebble.CheckComparer(comparer, prefixes, suffixes); err != nil {
		t.Fatal(err)
	}
}

// Order, bounds and reading back, for names that begin each other.
func TestKeysOfAwkwardNamesStayApart(t *testing.T) {
	var all []events.Ref
	for _, kind := range awkward {
		for _, ns := range awkward {
			for _, name := range awkward {
				all = append(all, events.Ref{Kind: kind, Namespace: ns, Name: name})
			}
		}
	}
	seen := map[string]events.Ref{}
	for _, r := range all {
		k := refKey(tagNow, r)
		if other, ok := seen[string(k)]; ok {
			t.Fatalf("%q and %q share the key %x", r, other, k)
		}
		seen[string(k)] = r
		if back, err := splitRef(k); err != nil || back != r {
			t.Fatalf("%q reads back as %q, %v", r, back, err)
		}
		for _, kind := range awkward {
			prefix := kindKey(tagNow, kind)
			within := bytes.Compare(k, prefix) >= 0 && bytes.Compare(k, pastKey(prefix)) < 0
			if within != (r.Kind == kind) {
				t.Fatalf("%q lies within kind %q: %v", r, kind, within)
			}
		}
	}
}

func TestNewestVersionComesFirst(t *testing.T) {
	r := events.Ref{Kind: "pods", Namespace: "default", Name: "web"}
	if compare(versionKey(r, 2), versionKey(r, 1)) >= 0 || compare(refKey(tagVersion, r), versionKey(r, ^events.Revision(0))) >= 0 {
		t.Fatal("order of versions")
	}
}
