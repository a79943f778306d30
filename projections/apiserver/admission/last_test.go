package admission

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestWhatWasReadIsForgottenWithTheNextChangeOfItsKind(t *testing.T) {
	l, a, b := &lastRead{}, &corev1.Namespace{}, &corev1.Namespace{}
	if l.get("a", 0) != nil {
		t.Error("something was there at first")
	}
	l.put("a", 5, a)
	if l.get("a", 5) != a || l.get("b", 5) != nil || l.get("a", 6) != nil {
		t.Error("it answers for another key or moment")
	}
	l.put("b", 6, b)
	if l.get("a", 6) != nil || l.get("b", 6) != b {
		t.Error("what was read before the change was kept")
	}
	l.put("a", 5, a) // read before the change, kept late
	if l.get("a", 5) != nil || l.get("a", 6) != nil || l.get("b", 6) != b {
		t.Error("an older read came back")
	}
	for i := range 3 * lastMost {
		l.put(fmt.Sprint(i), 7, a)
	}
	if len(l.of) > lastMost {
		t.Errorf("it keeps %d objects", len(l.of))
	}
}
