package storage

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"cairn/events"
	"cairn/projections/kinds"
	"cairn/projections/view"
)

// Object renders o in its stored version. The answer is shared: never change it.
func (e *Engine) Object(o *view.Object) (kinds.Object, error) {
	if hit := e.cache.get(o); hit != nil {
		return hit, nil
	}
	obj, err := e.fresh(o)
	if err == nil {
		e.cache.put(o, obj)
	}
	return obj, err
}

// fresh is Object past the cache, for what is read once.
func (e *Engine) fresh(o *view.Object) (kinds.Object, error) {
	r, err := e.render(o)
	if err != nil {
		return nil, err
	}
	e.scheme.Default(r.shown)
	return r.shown, nil
}

// rendering is one object, in its stored version.
type rendering struct {
	shown  kinds.Object
	stored kinds.Object // nil: nothing is, it is made when read
	stale  bool         // what is stored would be encrypted otherwise today
}

// render decodes o afresh.
func (e *Engine) render(o *view.Object) (r rendering, err error) {
	k, err := e.kind(o.Ref.Kind)
	if err != nil {
		return r, err
	}
	if o.Spec != nil {
		if r.stored, r.stale, err = e.decode(k, o.Ref, o.Spec); err != nil {
			return r, err
		}
		if err := e.status(k, o, &r); err != nil {
			return r, err
		}
		e.stamp(k, r.stored, o.Revision)
		r.shown = r.stored
		if k.Render != nil {
			r.shown = r.stored.DeepCopyObject().(kinds.Object)
		}
	}
	if r.shown == nil && !k.Bodiless {
		return r, fmt.Errorf("%s has no body", o.Ref)
	}
	if k.Render != nil {
		if r.shown, err = k.Render(r.shown, o, reader{e.kinds, e}); err != nil {
			return r, fmt.Errorf("%s can't be rendered: %w", o.Ref, err)
		}
	}
	e.stamp(k, r.shown, o.Revision)
	return r, nil
}

// status adds the stored status to what is stored.
func (e *Engine) status(k *kinds.Kind, o *view.Object, r *rendering) error {
	if o.Status == nil {
		return nil
	}
	if o.Status.Encoding == events.StatusEncoding && k.Status != nil {
		if err := k.Status.Decode(o.Status.Data, r.stored); err != nil {
			return fmt.Errorf("the status of %s does not decode: %w", o.Ref, err)
		}
		return nil
	}
	st, stale, err := e.decode(k, o.Ref, o.Status)
	if err != nil {
		return err
	}
	r.stale = r.stale || stale
	copyStatus(r.stored, st)
	return nil
}

// reader is what rendering may ask of the engine.
type reader struct {
	kinds.Registry
	e *Engine
}

func (r reader) Prefixed(kind, namespace, prefix string, at events.Revision) ([]*view.Object, error) {
	var out []*view.Object
	page := view.Page{Namespace: namespace, At: at, Limit: 16, After: events.Ref{Kind: kind, Namespace: namespace, Name: prefix}}
	for {
		list, more, err := r.e.cell.List(kind, page)
		if err != nil {
			return nil, err
		}
		for _, o := range list {
			if !strings.HasPrefix(o.Ref.Name, prefix) {
				return out, nil
			}
			out = append(out, o)
		}
		if !more || len(list) == 0 {
			return out, nil
		}
		page.After = list[len(list)-1].Ref
	}
}

func (r reader) Created(o *view.Object) metav1.Time {
	rec, err := r.e.cell.Record(o.Created.Offset(r.e.cell.Position().R0))
	if err != nil {
		return metav1.Time{}
	}
	return metav1.NewTime(time.Unix(rec.Time/1e9, 0))
}

func (e *Engine) stamp(k *kinds.Kind, o kinds.Object, r events.Revision) {
	o.SetResourceVersion(r.String())
	o.GetObjectKind().SetGroupVersionKind(k.Version)
}

// internal turns a shown object into what upstream's registries work on.
func (e *Engine) internal(o kinds.Object, into runtime.Object) error {
	v := o.DeepCopyObject()
	e.scheme.Default(v)
	return e.scheme.Convert(v, into, nil)
}

// versioned turns a registry's object into the stored version, as a copy.
func (e *Engine) versioned(k *kinds.Kind, o runtime.Object) (kinds.Object, error) {
	v, err := e.scheme.ConvertToVersion(o, k.Version.GroupVersion())
	if err != nil {
		return nil, err
	}
	obj, ok := v.(kinds.Object)
	if !ok {
		return nil, fmt.Errorf("%T has no metadata", v)
	}
	return obj, nil
}
