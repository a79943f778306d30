package storage

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/apis/example"
	"k8s.io/apiserver/pkg/storage"
)

// As upstream's KeySchema, without its objects that have no name.
func TestMalformedKeysAreRefused(t *testing.T) {
	w := newWorld(t)
	ctx, pod, list := t.Context(), &example.Pod{}, &example.PodList{}
	opts := storage.ListOptions{Predicate: storage.Everything, Recursive: true}
	try := func(o runtime.Object, _ storage.ResponseMeta) (runtime.Object, *uint64, error) { return o, nil, nil }
	for key, says := range map[string]string{"": "empty key", "/": "empty key", ".": "invalid key", "..": "invalid key", "pods": "lacks resource prefix",
		"/pods.apps": "lacks resource prefix", "/foo/": "lacks resource prefix", "/pods/a/../b": "invalid key"} {
		_, watching := w.Kind.Watch(ctx, key, opts)
		for verb, err := range map[string]error{
			"create": w.Kind.Create(ctx, key, pod, pod, 0), "get": w.Kind.Get(ctx, key, storage.GetOptions{}, pod), "list": w.Kind.GetList(ctx, key, opts, list), "watch": watching,
			"update": w.Kind.GuaranteedUpdate(ctx, key, pod, true, nil, try, nil),
			"delete": w.Kind.Delete(ctx, key, pod, nil, storage.ValidateAllObjectFunc, nil, storage.DeleteOptions{}),
		} {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s %q: %v, want %q", verb, key, err, says)
			}
		}
	}
	if err := w.Get(ctx, "/pods/namespace", storage.GetOptions{}, pod); !storage.IsNotFound(err) {
		t.Errorf("a key that names a namespace: %v", err)
	}
}
