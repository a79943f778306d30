package events

import (
	"bytes"
	"errors"
	"testing"

	"cairn/events/wire"
)

func sample() *Event {
	return &Event{
		ID: ID{1, 0x93, 15: 7}, Type: ObjectCreated, Subject: Ref{Pods, "default", "web-1"}, UID: "u-1", Base: 41,
		Actor: Actor{User: "alice", Groups: []string{"dev", ""}, Address: "10.0.0.7", Agent: "kubectl"},
		Cause: []Offset{0, 40}, Reason: "scaled", Claimed: -5,
		Require: Precondition{Written: 7 << 20, UID: "u-1"},
		Facts: Facts{
			Labels: []Pair{{"app", "web"}, {"tier", ""}}, Owners: []Owner{{Kind: ReplicaSets, Name: "web", UID: "r", Controller: true}},
			Finalizers: []string{"x/y"}, Deleting: 9, Grace: -1, Generation: 2,
			Pod: &Pod{Requests: Resources{MilliCPU: 100, Memory: 1 << 30}, Tolerations: []Toleration{{Key: "k", Forever: true}},
				Ports: []PodPort{{"http", "TCP", 80}}},
			Report:   &Report{Epoch: 1, Registration: 3, Feed: 0, Phase: Running, Incidents: []Incident{{Reason: "Started"}}},
			Cell:     &Cell{},
			Decision: &Decision{Nodes: 3, Filtered: []Filtered{{Reason: 1, Nodes: 3, Names: []string{"", "n1"}}}},
		},
		Parts: []Part{{Column: Spec, Encoding: "e", Data: []byte("body")}, {Column: Status}},
	}
}

func TestFrameReadsBackWhatItWrote(t *testing.T) {
	b := AppendFrame(nil, sample())
	e, err := ReadFrame(b)
	if err != nil {
		t.Fatal(err)
	}
	if again := AppendFrame(nil, e); !bytes.Equal(b, again) {
		t.Fatalf("written %x\nreread  %x", b, again)
	}
}

// Whatever bytes decode, encode to the same bytes: no two spellings of a record.
func FuzzWireIsCanonical(f *testing.F) {
	f.Add(wire.Encode(sample()))
	f.Add([]byte{0x28, 0x80, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		var e Event
		if wire.Decode(b, &e) == nil && !bytes.Equal(b, wire.Encode(&e)) {
			t.Fatalf("%x decodes but encodes to %x", b, wire.Encode(&e))
		}
	})
}

func TestWireRefusesOtherSpellings(t *testing.T) {
	for name, b := range map[string][]byte{
		"default written":   {0x20, 0x00},
		"long varint":       {0x20, 0x82, 0x00},
		"descending fields": {0x30, 0x02, 0x20, 0x02},
		"unknown field":     {0x60, 0x01},
		"bool of two":       {0x50, 0x02},
	} {
		if _, err := DecodeFacts(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryFlippedBitOfAFrameIsMalformed(t *testing.T) {
	b := AppendFrame(nil, sample())
	for i := range b {
		for bit := range 8 {
			b[i] ^= 1 << bit
			if _, err := ReadFrame(b); !errors.Is(err, ErrMalformed) {
				t.Fatalf("byte %d bit %d: %v", i, bit, err)
			}
			b[i] ^= 1 << bit
		}
	}
}

func TestARecordNeedsTheGateOfItsType(t *testing.T) {
	for _, typ := range Types() {
		e, err := ReadFrame(AppendFrame(nil, &Event{Type: typ, Subject: Ref{Kind: Pods}}))
		if err != nil {
			t.Fatal(err)
		}
		if g, ok := e.Needs(); !ok || g != typ.Gate() || g > Newest {
			t.Errorf("%s needs %s, %t", typ, g, ok)
		}
	}
	if _, ok := (&Event{Type: "pod.exploded"}).Needs(); ok {
		t.Error("a type that no gate defines passes")
	}
	for g := GateFirst; g <= Newest; g++ {
		if back, err := ParseGate(g.String()); err != nil || back != g {
			t.Error(g, back, err)
		}
	}
}

func TestAReportWithMoreThanItsShareOfIncidentsIsMalformed(t *testing.T) {
	e := sample()
	e.Facts.Report.Incidents = make([]Incident, MaxIncidents)
	if _, err := ReadFrame(AppendFrame(nil, e)); err != nil {
		t.Fatal(err)
	}
	e.Facts.Report.Incidents = make([]Incident, MaxIncidents+1)
	if _, err := ReadFrame(AppendFrame(nil, e)); !errors.Is(err, ErrMalformed) {
		t.Fatal(err)
	}
}

func TestDecisionsOfOneClassDifferInCountsAlone(t *testing.T) {
	a := &Decision{Nodes: 3, Filtered: []Filtered{{Reason: 2, Nodes: 2}, {Reason: 1, Arg: "k", Nodes: 1, Names: []string{"n1"}}}}
	b := &Decision{Nodes: 9, Filtered: []Filtered{{Reason: 1, Arg: "k", Nodes: 8}, {Reason: 2, Nodes: 1}}}
	c := &Decision{Nodes: 9, Filtered: []Filtered{{Reason: 1, Arg: "other", Nodes: 8}, {Reason: 2, Nodes: 1}}}
	if !SameClass(a, b) || SameClass(a, c) || SameClass(a, nil) || !SameClass(nil, nil) || SameClass(a, &Decision{}) {
		t.Fatal(SameClass(a, b), SameClass(a, c))
	}
}

func TestRevisionGivesItsOffset(t *testing.T) {
	for _, r0 := range []uint64{0, 5, 1 << 30} {
		r := RevisionOf(r0, 8, 3)
		if r.Offset(r0) != 8 || r.Last().Offset(r0) != 8 || RevisionOf(r0, 0, 0) == 0 {
			t.Fatalf("r0 %d: %d", r0, r.Offset(r0))
		}
	}
	if Revision(3).Offset(10) != NoOffset {
		t.Fatal("a revision before the incarnation has no offset")
	}
}
