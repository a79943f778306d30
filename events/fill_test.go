package events

import (
	"bytes"
	"flag"
	"os"
	"reflect"
	"testing"
)

// fill gives every field that can be reached from v a value of its own, so
// that a field which a message forgot to list shows as a difference.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				fill(f, n)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.String:
		v.SetString(string(rune('a'+*n%26)) + "é")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint64:
		v.SetUint(uint64(*n))
	case reflect.Uint8:
		v.SetUint(uint64(*n % 251))
	default:
		panic("no such kind in a record: " + v.Kind().String())
	}
}

func fullEvent() *Event {
	e, n := new(Event), 0
	fill(reflect.ValueOf(e).Elem(), &n)
	e.Parts[0].Column, e.Parts[1].Column = Spec, Status
	e.Facts.Report.Phase = Failed
	return e
}

func TestEveryFieldOfARecordIsWrittenAndRead(t *testing.T) {
	e := fullEvent()
	got, err := ReadFrame(AppendFrame(nil, e))
	if err != nil {
		t.Fatal(err)
	}
	got.needs = 0 // known only of what was read
	if !reflect.DeepEqual(e, got) {
		t.Fatalf("wrote %+v\nread  %+v", e, got)
	}
}

var addGolden = flag.Bool("add-golden", false, "write the golden record if there is none; it is never rewritten")

func TestEveryFieldOfAStatusIsWrittenAndRead(t *testing.T) {
	var pod, pod2 PodStatus
	var node, node2 NodeStatus
	n := 0
	fill(reflect.ValueOf(&pod).Elem(), &n)
	fill(reflect.ValueOf(&node).Elem(), &n)
	p, q := EncodeStatus(&pod), EncodeStatus(&node)
	if DecodeStatus(p.Data, &pod2) != nil || DecodeStatus(q.Data, &node2) != nil ||
		!reflect.DeepEqual(pod, pod2) || !reflect.DeepEqual(node, node2) {
		t.Fatalf("%+v\n%+v\n%+v\n%+v", pod, pod2, node, node2)
	}
}

// The golden record has every field of format 1. Its bytes never change: a new
// field gets a new golden file beside it.
func TestTheGoldenRecordHasTheSameBytesForEver(t *testing.T) {
	const file = "testdata/golden/record-format-1"
	b := AppendFrame(nil, fullEvent())
	if _, err := os.Stat(file); os.IsNotExist(err) && *addGolden {
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, want) {
		t.Fatal("the record's bytes differ from those of the first day: old ledgers would fold to something else")
	}
}
