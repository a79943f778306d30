package engine

import (
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"

	"cairn/events"
	"cairn/projections/view"
)

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
