package storage

import (
	"bytes"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
)

func TestASplicedObjectIsTheOneEncodedWithThatRevision(t *testing.T) {
	s := protobuf.NewSerializer(legacyscheme.Scheme, legacyscheme.Scheme)
	for _, meta := range []metav1.ObjectMeta{{}, {Name: "a", Namespace: "b", UID: "u", Generation: 3, Labels: map[string]string{"k": "v"},
		Annotations: map[string]string{"resourceVersion": "7"}, Finalizers: []string{"x"}, ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "m"}}}} {
		for _, data := range []map[string]string{nil, {"k": string(make([]byte, 1000))}} {
			o := &corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: meta, Data: data}
			stored, err := runtime.Encode(s, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, revision := range []string{"1", "1048577", "18446744073709551615"} {
				o.ResourceVersion = revision
				want, err := o.Marshal()
				if err != nil {
					t.Fatal(err)
				}
				wrap, message, ok := unwrap(stored)
				if !ok {
					t.Fatal("what the serializer wrote is not unwrapped")
				}
				cut, ok := splice(message)
				wrapped, err := runtime.Encode(s, o)
				if err != nil {
					t.Fatal(err)
				}
				if got := (&cutting{cut, wrap}).appendWrapped(nil, revision); !bytes.Equal(got, wrapped) {
					t.Errorf("wrapped %q\nwant %q", got, wrapped)
				}
				if got := cut.append([]byte("x"), revision); !ok || !bytes.Equal(got[1:], want) || cut.size(revision) != len(want) {
					t.Errorf("%v, %d bytes %q\nwant %d %q", ok, cut.size(revision), got, len(want), want)
				}
			}
			o.ResourceVersion = ""
		}
	}
}

func TestWhatIsNotWellFormedIsNotSpliced(t *testing.T) {
	o := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a"}}
	message, err := o.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{nil, {0xff}, message[:len(message)-1], append([]byte{0x12, 0}, message...)} {
		if _, ok := splice(b); ok {
			t.Errorf("%x was spliced", b)
		}
	}
	for _, b := range []string{"", "k8s", "{}", "k8s\x00", "k8s\x00\x12\x05abc", "k8s\x00\x12\x01a\x22\x01z"} {
		if _, m, ok := unwrap([]byte(b)); ok {
			t.Errorf("%q was unwrapped to %q", b, m)
		}
	}
}

func FuzzSplice(f *testing.F) {
	f.Add([]byte("\x0a\x02\x32\x00\x12\x00"))
	f.Fuzz(func(t *testing.T, message []byte) {
		s, ok := splice(message)
		if !ok {
			return
		}
		got := s.append(nil, "42")
		if len(got) != s.size("42") {
			t.Fatalf("size %d of %d", s.size("42"), len(got))
		}
		var a, b corev1.ConfigMap
		if err := a.Unmarshal(message); err != nil {
			return
		}
		if err := b.Unmarshal(got); err != nil || b.ResourceVersion != "42" {
			t.Fatalf("%q, %v of %x", b.ResourceVersion, err, got)
		}
	})
}
