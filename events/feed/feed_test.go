package feed

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"cairn/events"
)

// Each file is a stream as a node reads it, one entry a line:
//
//	service NS/NAME OFFSET ADDRESS | slice NS/NAME/SLICE OFFSET VERSION HOST...
//	change NS/NAME/SLICE OFFSET FROM VERSION -HOST +HOST... | peer NODE OFFSET RANGE
//	gone KEY OFFSET | mark OFFSET | whole
//
// where HOST is the last byte of an address. The answer is what the node holds.
func TestTable(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		table := NewTable()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var out strings.Builder
			for _, line := range strings.Split(strings.TrimSpace(d.Input), "\n") {
				e := parse(t, line)
				frames := bufio.NewReader(bytes.NewReader(AppendFrame(nil, e)))
				var read VIPEntry
				if err := ReadFrame(frames, &read); err != nil {
					t.Fatal(err)
				}
				if err := table.Take(&read); err != nil {
					fmt.Fprintf(&out, "%s\n", err)
				}
			}
			for _, v := range table.Services() {
				fmt.Fprintf(&out, "%s/%s %s:", v.Namespace, v.Name, v.Address)
				for _, b := range v.Ports[0].Endpoints {
					fmt.Fprintf(&out, " %s", b.Address)
				}
				fmt.Fprintln(&out)
			}
			if p := table.Peers(); len(p) > 0 {
				fmt.Fprintf(&out, "peers %v\n", p)
			}
			fmt.Fprintf(&out, "goes on after %d\n", table.From())
			return out.String()
		})
	})
}

func parse(t *testing.T, line string) *VIPEntry {
	t.Helper()
	w := strings.Fields(line)
	num := func(i int) (n uint64) {
		if _, err := fmt.Sscan(w[i], &n); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		return n
	}
	e := &VIPEntry{}
	switch w[0] {
	case "whole":
		return &VIPEntry{Offset: events.NoOffset, Whole: true}
	case "mark":
		return &VIPEntry{Offset: events.Offset(num(1)), Mark: true}
	}
	e.Key, e.Offset = w[1], events.Offset(num(2))
	switch w[0] {
	case "service":
		e.Service = &Service{Address: netip.MustParseAddr(w[3]), Ports: []Port{{Name: "http", Protocol: "TCP", Port: 80}}}
	case "slice":
		e.Version, e.Slice = num(3), &Slice{Ports: []SlicePort{{Name: "http", Protocol: "TCP", Port: 8080}}}
		for _, h := range w[4:] {
			e.Slice.Endpoints = append(e.Slice.Endpoints, Endpoint{Address: host(h)})
		}
	case "change":
		e.Version, e.Change = num(4), &Change{From: num(3)}
		for _, h := range w[5:] {
			if h[0] == '-' {
				e.Change.Gone = append(e.Change.Gone, host(h[1:]))
			} else {
				e.Change.Set = append(e.Change.Set, Endpoint{Address: host(h[1:])})
			}
		}
	case "peer":
		e.Peer = &Peer{Name: e.Key, Address: host("1"), PodRange: netip.MustParsePrefix(w[3])}
	case "gone":
	default:
		t.Fatalf("unknown line %q", line)
	}
	return e
}

func host(last string) netip.Addr { return netip.MustParseAddr("10.1.0." + last) }

func TestADifferenceMakesTheNextOfTheFormer(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	slice := func() *Slice {
		s := &Slice{}
		for i := range 12 {
			if random.IntN(3) > 0 {
				e := Endpoint{Address: netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), Node: fmt.Sprint(random.IntN(2))}
				s.Endpoints = append(s.Endpoints, e)
			}
		}
		return s
	}
	for range 5000 {
		a, b := slice(), slice()
		before := slices.Clone(a.Endpoints)
		c, _ := a.Differ(b)
		if got := a.With(c); !slices.Equal(got.Endpoints, b.Endpoints) {
			t.Fatalf("%v with %v is %v, not %v", a, c, got, b)
		}
		if !slices.Equal(a.Endpoints, before) {
			t.Fatal("the former was changed")
		}
	}
	ports := &Slice{Ports: []SlicePort{{Port: 1}}}
	if _, ok := ports.Differ(&Slice{}); ok {
		t.Error("other ports are a difference of endpoints")
	}
}

func TestFramesReadAsTheyWereWritten(t *testing.T) {
	all := []*VIPEntry{
		{Offset: events.NoOffset, Whole: true},
		{Offset: 0, Key: "a/b", Service: &Service{Address: netip.MustParseAddr("fd00::7"), ExternalName: "x", StickySeconds: 5, Ports: []Port{{"n", "UDP", 65535, 30000}}}},
		{Offset: 7, Key: "a/b/c", Version: 9, Slice: &Slice{Ports: []SlicePort{{"n", "TCP", 1}}, Endpoints: []Endpoint{{netip.MustParseAddr("10.0.0.1"), "h", "n1"}}}},
		{Offset: 8, Key: "a/b/c", Version: 10, Change: &Change{From: 9, Gone: []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")}, Set: []Endpoint{{Address: netip.MustParseAddr("10.0.0.2")}}}},
		{Offset: 9, Key: "n1", Peer: &Peer{"n1", netip.MustParseAddr("192.0.2.1"), netip.MustParsePrefix("10.1.0.0/24")}},
		{Offset: 10, Key: "a/b"},
		{Offset: 11, Mark: true},
	}
	var b []byte
	for _, e := range all {
		b = AppendFrame(b, e)
	}
	r := bufio.NewReader(bytes.NewReader(b))
	for _, e := range all {
		var got VIPEntry
		if err := ReadFrame(r, &got); err != nil || !reflect.DeepEqual(&got, e) {
			t.Errorf("read %+v, wrote %+v (%v)", got, e, err)
		}
	}
	if err := ReadFrame(r, &VIPEntry{}); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	if err := ReadFrame(bufio.NewReader(bytes.NewReader(b[:1])), &VIPEntry{}); err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut short: %v", err)
	}
	if err := ReadFrame(bufio.NewReader(strings.NewReader("\xff\xff\xff\xff\x7f")), &VIPEntry{}); err == nil || !strings.Contains(err.Error(), "is this a feed") {
		t.Errorf("no feed: %v", err)
	}
	a := &AssignmentEntry{Offset: 3, Key: "a/b/c", Pod: &Assignment{Namespace: "a", Name: "b", UID: "c", Epoch: 1, Registration: events.NoOffset, Revision: 4, Digest: "d",
		Address: "10.0.0.1", Deleting: 1, Grace: -1, Why: "w", Finished: true}}
	var got AssignmentEntry
	if err := ReadFrame(bufio.NewReader(bytes.NewReader(AppendFrame(nil, a))), &got); err != nil || !reflect.DeepEqual(&got, a) {
		t.Errorf("read %+v %+v, wrote %+v (%v)", got, got.Pod, a, err)
	}
}
