package serve

import (
	"fmt"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
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
