package storage

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/projections/view"
)

func TestTheCacheIsBoundedByBytes(t *testing.T) {
	c := newCache(10 * (overhead + 100))
	object := func(i, bytes int) *view.Object {
		return &view.Object{Ref: events.Ref{Kind: events.Pods, Name: fmt.Sprint(i)}, Revision: events.Revision(i + 1), Spec: &events.Part{Data: make([]byte, bytes)}}
	}
	for i := range 100 {
		c.put(object(i, 100), &corev1.Pod{})
		c.put(object(i, 100), &corev1.Pod{}) // again: counted once
		if c.get(object(0, 100)) == nil {
			t.Fatalf("what is used was dropped for %d", i)
		}
	}
	if len(c.by) != 10 || c.order.Len() != 10 || c.held != c.limit {
		t.Errorf("it holds %d objects, %d of %d bytes", len(c.by), c.held, c.limit)
	}
	c.put(object(200, 5*(overhead+100)), &corev1.Pod{})
	if c.held > c.limit || c.get(object(200, 0)) == nil || c.get(object(0, 0)) == nil {
		t.Errorf("a large object: %d of %d bytes", c.held, c.limit)
	}
	c.put(object(300, c.limit), &corev1.Pod{}) // too large for any cache
	if c.held != 0 || len(c.by) != 0 || c.order.Len() != 0 {
		t.Errorf("it holds %d objects, %d bytes", len(c.by), c.held)
	}
}
