package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/kubernetes/pkg/api/legacyscheme"

	"cairn/events"
	"cairn/projections/apiserver/calls"
	"cairn/projections/apiserver/kinds"
	"cairn/projections/apiserver/sealing"
	"cairn/projections/fold"
	"cairn/projections/follower"
	"cairn/projections/view"
)

// Encoding is the media type of stored parts.
const Encoding = runtime.ContentTypeProtobuf

// cacheBytes bounds the decoded objects kept, by their encoded size: about ten
// thousand pods.
const cacheBytes = 16 << 20

// Engine reads and writes objects of all kinds.
type Engine struct {
	cell    follower.Cell
	ring    *sealing.Ring
	kinds   map[string]*kinds.Kind
	proto   *protobuf.Serializer
	cache   *cache
	now     func() time.Time
	ctx     context.Context
	mu      sync.Mutex
	hubs    map[string]*hub
	synth   map[string]Synthetic
	latest  sync.Map // kind -> events.Revision of its last change seen
	budgets *budgets // nil: nobody is limited
}

// Synthetic answers for a kind that has no rows in the view.
type Synthetic interface {
	// List returns the objects as they are now, by namespace and name.
	List() []kinds.Object
}

// New starts an engine that ends with ctx.
func New(ctx context.Context, cell follower.Cell, ring *sealing.Ring) (*Engine, error) {
	e := &Engine{cell: cell, ring: ring, kinds: map[string]*kinds.Kind{}, proto: protobuf.NewSerializer(legacyscheme.Scheme, legacyscheme.Scheme),
		cache: newCache(cacheBytes), now: time.Now, ctx: ctx, hubs: map[string]*hub{}, synth: map[string]Synthetic{}}
	for _, k := range kinds.Served() {
		e.kinds[k.Name] = k
		e.hubs[k.Name] = newHub(e, k.Name)
	}
	e.Follow(cell.Position().Offset, e.notice)
	return e, nil
}

// Follow calls fn for every result after the offset, in order, on a goroutine
// that ends with the engine.
func (e *Engine) Follow(after events.Offset, fn func(*fold.Result)) {
	go func() {
		if err := e.cell.Subscribe(e.ctx, after, fn); err != nil && e.ctx.Err() == nil {
			slog.Error("the view's changes can't be followed; restart the server", "error", err)
		}
	}()
}

// notice wakes the watchers of the kinds that a record changed.
func (e *Engine) notice(r *fold.Result) {
	for i := range r.Changes {
		c := &r.Changes[i]
		e.touched(c.Ref.Kind, c.Revision)
		if h := e.hubs[c.Ref.Kind]; h != nil {
			h.wake()
		}
	}
}

func (e *Engine) touched(kind string, r events.Revision) {
	for {
		old, loaded := e.latest.LoadOrStore(kind, r)
		if !loaded || old.(events.Revision) >= r || e.latest.CompareAndSwap(kind, old, r) {
			return
		}
	}
}

// Latest is the revision of the last change of a kind that this engine has
// written or noticed: what is built from a list at or after it is current.
func (e *Engine) Latest(kind string) events.Revision {
	r, _ := e.latest.Load(kind)
	rev, _ := r.(events.Revision)
	return rev
}

// Synthesize has a kind answered by s.
func (e *Engine) Synthesize(kind string, s Synthetic) { e.synth[kind] = s }

// Cell is the follower below.
func (e *Engine) Cell() follower.Cell { return e.cell }

// Object renders o in its stored version. The answer is shared: never change it.
func (e *Engine) Object(o *view.Object) (kinds.Object, error) {
	if hit := e.cache.get(o); hit != nil {
		return hit, nil
	}
	shown, _, err := e.render(o)
	if err == nil {
		e.cache.put(o, shown)
	}
	return shown, err
}

// render decodes o afresh: as it is shown, and as it is stored.
func (e *Engine) render(o *view.Object) (shown, stored kinds.Object, err error) {
	k := e.kinds[o.Ref.Kind]
	if k == nil {
		return nil, nil, fmt.Errorf("kind %s is not served", o.Ref.Kind)
	}
	if o.Spec == nil {
		if k.Whole == nil {
			return nil, nil, fmt.Errorf("%s has no body", o.Ref)
		}
		shown = k.Whole(o, e.created(o))
		e.stamp(k, shown, o.Revision)
		return shown, nil, nil
	}
	if stored, err = e.decode(k, o.Ref, o.Spec); err != nil {
		return nil, nil, err
	}
	if o.Status != nil {
		st, err := e.decode(k, o.Ref, o.Status)
		if err != nil {
			return nil, nil, err
		}
		copyStatus(stored, st)
	}
	e.stamp(k, stored, o.Revision)
	shown = stored
	if k.Lay != nil {
		shown = stored.DeepCopyObject().(kinds.Object)
		k.Lay(shown, o)
	}
	return shown, stored, nil
}

func (e *Engine) created(o *view.Object) metav1.Time {
	rec, err := e.cell.Record(o.Created.Offset(e.cell.Position().R0))
	if err != nil {
		return metav1.Time{}
	}
	return metav1.NewTime(time.Unix(rec.Time/1e9, 0))
}

func (e *Engine) stamp(k *kinds.Kind, o kinds.Object, r events.Revision) {
	o.SetResourceVersion(r.String())
	o.GetObjectKind().SetGroupVersionKind(k.Version)
}

func place(ref events.Ref, c events.Column) string { return fmt.Sprintf("%s %d", ref, c) }

func (e *Engine) decode(k *kinds.Kind, ref events.Ref, p *events.Part) (kinds.Object, error) {
	data := p.Data
	if p.Key != "" {
		var err error
		if data, err = e.ring.Open(p.Key, data, place(ref, p.Column)); err != nil {
			return nil, err
		}
	}
	if p.Encoding != Encoding {
		return nil, fmt.Errorf("%s is stored as %s, which this binary does not read", ref, p.Encoding)
	}
	o := k.New()
	if _, _, err := e.proto.Decode(data, &k.Version, o); err != nil {
		return nil, fmt.Errorf("%s does not decode: %w", ref, err)
	}
	return o, nil
}

// part encodes o as the column c, sealed where its kind is.
func (e *Engine) part(k *kinds.Kind, ref events.Ref, c events.Column, o kinds.Object) (events.Part, []byte, error) {
	o.SetResourceVersion("")
	o.GetObjectKind().SetGroupVersionKind(k.Version)
	plain, err := runtime.Encode(e.proto, o)
	if err != nil {
		return events.Part{}, nil, fmt.Errorf("%s does not encode: %w", ref, err)
	}
	p := events.Part{Column: c, Encoding: Encoding, APIVersion: k.Version.GroupVersion().String(), Data: plain}
	if k.Sealed {
		p.Key, p.Data = e.ring.Seal(plain, place(ref, c))
	}
	return p, plain, nil
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

// internal turns a shown object into what upstream's registries work on.
func internal(o kinds.Object, into runtime.Object) error {
	v := o.DeepCopyObject()
	legacyscheme.Scheme.Default(v)
	return legacyscheme.Scheme.Convert(v, into, nil)
}

// versioned turns a registry's object into the stored version, as a copy.
func versioned(k *kinds.Kind, o runtime.Object) (kinds.Object, error) {
	v, err := legacyscheme.Scheme.ConvertToVersion(o, k.Version.GroupVersion())
	if err != nil {
		return nil, err
	}
	obj, ok := v.(kinds.Object)
	if !ok {
		return nil, fmt.Errorf("%T has no metadata", v)
	}
	return obj, nil
}

// moment is what a request reads: the past it asked for, or now (0).
func moment(ctx context.Context) events.Revision { return calls.From(ctx).At }

// settle takes a read point, unless the past is read.
func (e *Engine) settle(ctx context.Context) error {
	if moment(ctx) != 0 {
		return nil
	}
	if err := e.cell.ReadPoint(ctx); err != nil {
		return e.unavailable(err)
	}
	return nil
}

// Get returns an object of the stored version as it is in the view, or an error
// that wraps view.ErrNotFound. It takes no read point. The answer is shared.
func (e *Engine) Get(kind, namespace, name string, at events.Revision) (kinds.Object, error) {
	o, err := e.cell.Get(events.Ref{Kind: kind, Namespace: namespace, Name: name}, at)
	if err != nil {
		return nil, err
	}
	return e.Object(o)
}

// List returns the objects of a kind as they are in the view; namespace empty: all.
func (e *Engine) List(kind, namespace string, at events.Revision) ([]kinds.Object, error) {
	list, _, err := e.cell.List(kind, view.Page{Namespace: namespace, At: at})
	if err != nil {
		return nil, err
	}
	out := make([]kinds.Object, 0, len(list))
	for _, o := range list {
		obj, err := e.Object(o)
		if err != nil {
			return nil, err
		}
		out = append(out, obj)
	}
	return out, nil
}

// IsNotFound tells whether err says that there is no such object.
func IsNotFound(err error) bool { return errors.Is(err, view.ErrNotFound) }

func zeroStatus(o kinds.Object) bool {
	v := reflect.ValueOf(o).Elem().FieldByName("Status")
	return !v.IsValid() || v.IsZero()
}

// StatusPart encodes the status of o alone, as a status part of ref.
func (e *Engine) StatusPart(ref events.Ref, o kinds.Object) (events.Part, error) {
	k := e.kinds[ref.Kind]
	_, status := split(k, o.DeepCopyObject().(kinds.Object))
	p, _, err := e.part(k, ref, events.Status, status)
	return p, err
}
