package storage

import (
	"bytes"
	"fmt"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"cairn/events"
	"cairn/projections/kinds"
	"cairn/projections/view"
)

// Encoding is the media type of stored parts.
const Encoding = runtime.ContentTypeProtobuf

// place names an object's column: what is encrypted for it decrypts nowhere else.
func place(ref events.Ref, c events.Column) string { return fmt.Sprintf("%s %d", ref, c) }

func (e *Engine) decode(k *kinds.Kind, ref events.Ref, p *events.Part) (o kinds.Object, stale bool, err error) {
	data := p.Data
	if p.Key != "" {
		if data, stale, err = e.cipher.Decrypt(p.Key, data, place(ref, p.Column)); err != nil {
			return nil, false, err
		}
	}
	if p.Encoding != Encoding {
		return nil, false, fmt.Errorf("%s is stored as %s, which this binary does not read", ref, p.Encoding)
	}
	o = k.New()
	if err := e.unmarshal(data, k, o); err != nil {
		return nil, false, fmt.Errorf("%s does not decode: %w", ref, err)
	}
	return o, stale, nil
}

// unmarshal reads what the protobuf serializer wrote. The serializer itself
// would copy the whole message first.
func (e *Engine) unmarshal(data []byte, k *kinds.Kind, o kinds.Object) error {
	if _, message, ok := unwrap(data); ok {
		if m, ok := o.(interface{ Unmarshal([]byte) error }); ok {
			return m.Unmarshal(message)
		}
	}
	_, _, err := e.proto.Decode(data, &k.Version, o)
	return err
}

// part encodes o as the column c, encrypted where its kind is. It also gives
// the plain bytes.
func (e *Engine) part(k *kinds.Kind, ref events.Ref, c events.Column, o kinds.Object) (events.Part, []byte, error) {
	plain, err := e.encode(k, o)
	if err != nil {
		return events.Part{}, nil, fmt.Errorf("%s does not encode: %w", ref, err)
	}
	p := events.Part{Column: c, Encoding: Encoding, APIVersion: k.Version.GroupVersion().String(), Data: plain}
	if k.Encrypted {
		p.Key, p.Data, err = e.cipher.Encrypt(plain, place(ref, c))
	}
	return p, plain, err
}

// encode gives o's bytes without what belongs to its revision or address.
func (e *Engine) encode(k *kinds.Kind, o kinds.Object) ([]byte, error) {
	o.SetResourceVersion("")
	o.SetSelfLink("")
	o.GetObjectKind().SetGroupVersionKind(k.Version)
	return runtime.Encode(e.proto, o)
}

// difference encodes now as a part, unless it says the same as old and is not
// to be encrypted anew.
func (e *Engine) difference(k *kinds.Kind, ref events.Ref, c events.Column, old, now kinds.Object, anew bool) (*events.Part, error) {
	before, err := e.encode(k, old)
	if err != nil {
		return nil, err
	}
	p, after, err := e.part(k, ref, c, now)
	if err != nil || !anew && bytes.Equal(before, after) {
		return nil, err
	}
	return &p, nil
}

// statusPart encodes o's status over the one that is stored (nil: none is): as
// a message of events where the kind has one.
func (e *Engine) statusPart(k *kinds.Kind, ref events.Ref, stored *events.Part, o kinds.Object) (events.Part, []byte, error) {
	if k.Status != nil {
		var below []byte
		if stored != nil && stored.Encoding == events.StatusEncoding {
			below = stored.Data
		}
		data, ok, err := k.Status.Encode(o, below)
		if err != nil {
			return events.Part{}, nil, fmt.Errorf("the status of %s does not encode: %w", ref, err)
		}
		if ok {
			return statusMessage(k, data), data, nil
		}
	}
	return e.part(k, ref, events.Status, o)
}

func statusMessage(k *kinds.Kind, data []byte) events.Part {
	return events.Part{Column: events.Status, Encoding: events.StatusEncoding, APIVersion: k.Version.GroupVersion().String(), Data: data}
}

// statusDifference is difference for the status of o.
func (e *Engine) statusDifference(k *kinds.Kind, o *view.Object, old, now kinds.Object, anew bool) (*events.Part, error) {
	_, before, err := e.statusPart(k, o.Ref, o.Status, old)
	if err != nil {
		return nil, err
	}
	p, after, err := e.statusPart(k, o.Ref, o.Status, now)
	if err != nil || !anew && bytes.Equal(before, after) {
		return nil, err
	}
	return &p, nil
}

// split gives the two stored halves of o, which is not used any more after.
func split(k *kinds.Kind, o kinds.Object) (spec, status kinds.Object) {
	v := reflect.ValueOf(o).Elem().FieldByName("Status")
	if !v.IsValid() {
		return o, nil
	}
	status = k.New()
	reflect.ValueOf(status).Elem().FieldByName("Status").Set(v)
	v.SetZero()
	return o, status
}

func copyStatus(to, from kinds.Object) {
	if v := reflect.ValueOf(to).Elem().FieldByName("Status"); v.IsValid() {
		v.Set(reflect.ValueOf(from).Elem().FieldByName("Status"))
	}
}

func zeroStatus(o kinds.Object) bool {
	v := reflect.ValueOf(o).Elem().FieldByName("Status")
	return !v.IsValid() || v.IsZero()
}

// ReportedStatus encodes what a node says of a pod. What others wrote of the
// pod's status stays.
func (e *Engine) ReportedStatus(ref events.Ref, reported *corev1.PodStatus) (events.Part, error) {
	k, err := e.kind(ref.Kind)
	if err != nil {
		return events.Part{}, err
	}
	now := &corev1.PodStatus{}
	if o, err := e.Get(ref.Kind, ref.Namespace, ref.Name, 0); err == nil {
		now = &o.(*corev1.Pod).Status
	}
	data, err := kinds.PodReport(reported, now)
	return statusMessage(k, data), err
}
