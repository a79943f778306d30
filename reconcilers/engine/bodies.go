package engine

import (
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"

	"cairn/events"
	"cairn/projections/view"
)

// bodies reads objects as the picture has them. One that can't be read is
// missing from the answer, and said so once per step.
func (e *Engine) bodies(refs []events.Ref) map[events.Ref]runtime.Object {
	if len(refs) == 0 {
		return nil
	}
	bodies := make(map[events.Ref]runtime.Object, len(refs))
	for _, ref := range refs {
		o := e.picture.Get(ref)
		if o == nil {
			continue
		}
		whole, err := e.opt.Cell.Get(ref, o.Revision)
		var body runtime.Object
		if err == nil {
			body, err = Decode(whole)
		}
		if err != nil {
			e.opt.Log.Error("body unreadable, its reconciler waits for the next change", "object", ref, "revision", o.Revision, "err", err)
			continue
		}
		bodies[ref] = body
	}
	return bodies
}

// Decode reads an object's stored parts: metadata and spec, with its status as
// stored laid over them. Projected fields are not in it.
func Decode(o *view.Object) (runtime.Object, error) {
	body, err := decodePart(o.Spec)
	if err != nil {
		return nil, fmt.Errorf("engine: %s: %w", o.Ref, err)
	}
	if o.Status == nil {
		return body, nil
	}
	from, err := decodePart(o.Status)
	if err != nil {
		return nil, fmt.Errorf("engine: status of %s: %w", o.Ref, err)
	}
	a, b := reflect.ValueOf(body).Elem(), reflect.ValueOf(from).Elem()
	if a.Type() == b.Type() && a.FieldByName("Status").IsValid() {
		a.FieldByName("Status").Set(b.FieldByName("Status"))
	}
	return body, nil
}

func decodePart(p *events.Part) (runtime.Object, error) {
	switch {
	case p == nil:
		return nil, fmt.Errorf("no body is stored")
	case p.Key != "":
		return nil, fmt.Errorf("its body is encrypted")
	}
	o, _, err := scheme.Codecs.UniversalDeserializer().Decode(p.Data, nil, nil)
	return o, err
}
