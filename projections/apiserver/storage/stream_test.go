package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"sigs.k8s.io/randfill"

	"cairn/events"
	"cairn/projections/kinds"
	"cairn/projections/view"
)

// What a kind shows verbatim is cut from what is stored. So the library may not
// default anything in it when it is read.
func TestNothingIsDefaultedInKindsThatAreShownVerbatim(t *testing.T) {
	n := 0
	for _, k := range kinds.Builtin().All() {
		if !k.Verbatim {
			continue
		}
		n++
		if k.Render != nil || k.Encrypted || k.Bodiless {
			t.Errorf("%s is not shown as it is stored", k.Name)
		}
		for seed := range 50 {
			o := k.New()
			randfill.NewWithSeed(int64(seed)).NilChance(0.3).MaxDepth(8).Funcs(func(q *runtime.RawExtension, _ randfill.Continue) { *q = runtime.RawExtension{} }).Fill(o)
			before := marshalled(t, o)
			legacyscheme.Scheme.Default(o)
			if after := marshalled(t, o); !bytes.Equal(before, after) {
				t.Fatalf("%s: defaults change it:\n%q\n%q", k.Name, before, after)
			}
		}
	}
	if n == 0 {
		t.Error("no kind is shown verbatim")
	}
}

func marshalled(t *testing.T, o kinds.Object) []byte {
	t.Helper()
	m := o.(protoMessage)
	b := make([]byte, m.Size())
	if _, err := m.MarshalTo(b); err != nil {
		t.Fatal(err)
	}
	return b
}

// An error after the first bytes must not leave what looks like a whole list.
func TestAStreamThatBreaksOffCutsTheConnection(t *testing.T) {
	broken := errors.New("the view broke")
	k := kinds.Builtin().Kind(events.ConfigMaps)
	for _, encoder := range []string{`"protobuf"`, `"{\"name\":\"json\",\"pretty\":\"false\",\"strict\":\"false\",\"yaml\":\"false\"}"`} {
		id := runtime.Identifier(`{"name":"versioning","encodeGV":"v1","encoder":` + encoder + `}`)
		for _, good := range []int{0, 100} {
			reads := 0
			s := &Stream{kind: &Kind{Engine: &Engine{cache: newCache(1 << 20), kinds: kinds.Builtin(), scheme: legacyscheme.Scheme}, kind: k}}
			s.kind.proto = protobuf.NewSerializer(legacyscheme.Scheme, legacyscheme.Scheme)
			s.each = func(fn func(*view.Object) error, pause func() error) error {
				reads++
				for i := range good {
					if err := errors.Join(fn(bigMap(t, s.kind, i)), pause()); err != nil {
						return err
					}
				}
				if good > 0 && encoder == `"protobuf"` && reads == 1 {
					return nil // its length is known; the second reading fails
				}
				return broken
			}
			err, cut := encoded(s, id)
			if good == 0 && (!errors.Is(err, broken) || cut) || good > 0 && !cut {
				t.Errorf("%s after %d objects: %v, cut %v", encoder, good, err, cut)
			}
		}
	}
}

func encoded(s *Stream, id runtime.Identifier) (err error, cut bool) {
	defer func() { cut = recover() == http.ErrAbortHandler }()
	return s.CacheEncode(id, func(runtime.Object, io.Writer) error { return errors.New("not streamed") }, io.Discard), false
}

func bigMap(t *testing.T, s *Kind, i int) *view.Object {
	t.Helper()
	o := s.kind.New()
	o.SetName(fmt.Sprint("m", i))
	o.SetAnnotations(map[string]string{"a": strings.Repeat("x", 30_000)})
	ref := events.Ref{Kind: s.kind.Name, Namespace: "default", Name: o.GetName()}
	p, _, err := s.part(s.kind, ref, events.Spec, o)
	if err != nil {
		t.Fatal(err)
	}
	return &view.Object{Ref: ref, Revision: events.Revision(i + 1), Spec: &p}
}
