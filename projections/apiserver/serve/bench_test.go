package serve

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/kubernetes/pkg/api/legacyscheme"

	"cairn/events"
	"cairn/projections/apiserver/storage"
)

// Creations over TLS by protobuf clients, against a memory ledger and the real view.
func BenchmarkCreate(b *testing.B) {
	for _, kind := range []string{"ConfigMap", "Pod"} {
		b.Run(kind, func(b *testing.B) {
			c := newCell(b)
			config := c.config("alice", "system:masters")
			config.ContentType = runtime.ContentTypeProtobuf
			client := kubernetes.NewForConfigOrDie(config).CoreV1()
			var names atomic.Int64
			b.SetParallelism(8)
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					name, err := fmt.Sprint("o", names.Add(1)), error(nil)
					if kind == "Pod" {
						_, err = client.Pods("default").Create(b.Context(), podOf(name), metav1.CreateOptions{})
					} else {
						m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, BinaryData: map[string][]byte{"k": make([]byte, 1024)}}
						_, err = client.ConfigMaps("default").Create(b.Context(), m, metav1.CreateOptions{})
					}
					if err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "objects/s")
		})
	}
}

// An unpaged list of 10,000 config maps of 1 KiB over TLS, read and dropped.
func BenchmarkList(b *testing.B) {
	c := newCell(b)
	const objects, batch = 10_000, 500
	for from := 0; from < objects; from += batch {
		var list []*events.Event
		for i := range batch {
			list = append(list, configMapRecord(b, from+i))
		}
		written, err := c.view.WriteAll(b.Context(), list)
		must(b, err)
		if o := written[0].Outcome; !o.Accepted() {
			b.Fatalf("refused: %v", o)
		}
	}
	h := c.http("alice", "system:masters")
	for name, accept := range map[string]string{"json": asJSON, "protobuf": asProtobuf} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "https://"+c.server.Addr()+"/api/v1/configmaps", nil)
				must(b, err)
				r.Header.Set("Accept", accept)
				r.Header.Set("Accept-Encoding", "identity")
				resp, err := h.Do(r)
				must(b, err)
				n, err := io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if err != nil || n < objects*1024 {
					b.Fatalf("%d bytes, %v", n, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/objects, "us/object")
		})
	}
}

func configMapRecord(b *testing.B, i int) *events.Event {
	m := &corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("m%06d", i), Namespace: "default", UID: types.UID(uuid.NewString()),
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "bench", Operation: "Update", APIVersion: "v1", FieldsType: "FieldsV1",
				FieldsV1: &metav1.FieldsV1{Raw: []byte(`{"f:data":{".":{},"f:k":{}}}`)}}}}, Data: map[string]string{"k": strings.Repeat("v", 1024)}}
	data, err := runtime.Encode(protobuf.NewSerializer(legacyscheme.Scheme, legacyscheme.Scheme), m)
	must(b, err)
	return &events.Event{ID: events.ID(uuid.Must(uuid.NewV7())), Type: events.ObjectCreated, UID: string(m.UID),
		Subject: events.Ref{Kind: events.ConfigMaps, Namespace: m.Namespace, Name: m.Name}, Facts: events.Facts{Generation: 1},
		Parts: []events.Part{{Column: events.Spec, Encoding: storage.Encoding, APIVersion: "v1", Data: data}}}
}
