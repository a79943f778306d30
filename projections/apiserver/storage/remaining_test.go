package storage

import (
	"fmt"
	"testing"

	"k8s.io/apiserver/pkg/apis/example"
	"k8s.io/apiserver/pkg/storage"

	"cairn/projections/follower"
	"cairn/projections/view"
)

// counting counts how often objects are counted.
type counting struct {
	follower.Cell
	times int
}

func (c *counting) Count(kind string, page view.Page) (int, error) {
	c.times++
	return c.Cell.Count(kind, page)
}

func TestAListInPagesIsCountedOnce(t *testing.T) {
	w := newWorld(t)
	c := &counting{Cell: w.cell}
	w.Engine.cell = c
	for i := range 9 {
		p := &example.Pod{}
		p.Namespace, p.Name = "a", fmt.Sprint("p", i)
		must(t, w.Create(t.Context(), "/pods/a/"+p.Name, p, p, 0))
	}
	opts := storage.ListOptions{Recursive: true, Predicate: storage.Everything}
	opts.Predicate.Limit = 2
	for left := int64(7); ; left -= 2 {
		list := &example.PodList{}
		must(t, w.GetList(t.Context(), "/pods", opts, list))
		if opts.Predicate.Continue = list.Continue; list.Continue == "" {
			break
		}
		if list.RemainingItemCount == nil || *list.RemainingItemCount != left {
			t.Fatalf("%v remain, want %d", list.RemainingItemCount, left)
		}
	}
	if c.times != 1 {
		t.Errorf("counted %d times", c.times)
	}
}

// An answer says the revision that was asked for, to the digit: an object's own,
// though a list's is its record's last possible one.
func TestAListOfAnExactRevisionSaysThatRevision(t *testing.T) {
	w := newWorld(t)
	p := &example.Pod{}
	p.Namespace, p.Name = "a", "p"
	w.space("/pods/a/p")
	must(t, w.Kind.Create(t.Context(), w.inside("/pods/a/p"), p, p, 0))
	list := &example.PodList{}
	opts := storage.ListOptions{Recursive: true, Predicate: storage.Everything, ResourceVersion: p.ResourceVersion, ResourceVersionMatch: "Exact"}
	must(t, w.Kind.GetList(t.Context(), w.inside("/pods"), opts, list))
	if list.ResourceVersion != p.ResourceVersion || len(list.Items) != 1 {
		t.Errorf("a list at %s says %s, with %d objects", p.ResourceVersion, list.ResourceVersion, len(list.Items))
	}
}
