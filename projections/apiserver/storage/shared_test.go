package storage

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/core"

	"cairn/events"
	"cairn/projections/kinds"
	"cairn/projections/view"
)

// What watchers of a kind shown verbatim get is what upstream's encoders make
// of the registry's object, for every media type and whichever revision it is
// told at; and for protobuf it is not decoded.
func TestWatchersOfStoredBytesGetUpstreamsEncoding(t *testing.T) {
	k := kinds.Builtin().Kind(events.ConfigMaps)
	e := &Engine{cache: newCache(1 << 20), kinds: kinds.Builtin(), scheme: legacyscheme.Scheme, proto: protobuf.NewSerializer(legacyscheme.Scheme, legacyscheme.Scheme)}
	s := &Kind{Engine: e, kind: k, newFunc: func() apiruntime.Object { return &core.ConfigMap{} }, hub: newHub(e, k.Name)}
	m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "m", Namespace: "default", UID: "u", Labels: map[string]string{"a": "b"}}, Data: map[string]string{"k": "v"}}
	ref := events.Ref{Kind: k.Name, Namespace: "default", Name: "m"}
	p, _, err := e.part(k, ref, events.Spec, m)
	must(t, err)
	o := &view.Object{Ref: ref, UID: "u", Revision: 7 << 20, Facts: &events.Facts{}, Spec: &p}
	for _, at := range []events.Revision{o.Revision, 9 << 20} {
		for _, info := range legacyscheme.Codecs.SupportedMediaTypes() {
			encoder := legacyscheme.Codecs.EncoderForVersion(info.Serializer, k.Version.GroupVersion())
			sh, err := s.share(o, at)
			must(t, err)
			var got, want, event bytes.Buffer
			must(t, encoder.Encode(sh, &got))
			// As upstream's watch encoder does: the event's encoding is that of the object in it.
			id := apiruntime.Identifier(`{"name":"watch","embeddedEncoder":` + quoted(t, string(encoder.Identifier())) + `,"encoder":"x","eventType":"ADDED"}`)
			must(t, sh.CacheEncode(id, func(o apiruntime.Object, w io.Writer) error { return encoder.Encode(o, w) }, &event))
			if undecoded := info.MediaType == apiruntime.ContentTypeProtobuf; undecoded != (sh.object == nil) {
				t.Errorf("%s: decoded %v", info.MediaType, sh.object != nil)
			}
			must(t, encoder.Encode(sh.GetObject(), &want))
			if !bytes.Equal(got.Bytes(), want.Bytes()) || !bytes.Equal(event.Bytes(), want.Bytes()) {
				t.Errorf("%s at %d:\n%q\nevent %q\nwant  %q", info.MediaType, at, got.Bytes(), event.Bytes(), want.Bytes())
			}
			s.hub.shares = newShares(1 << 20)
		}
	}
}

func quoted(t *testing.T, s string) string {
	t.Helper()
	b, err := json.Marshal(s)
	must(t, err)
	return string(b)
}
