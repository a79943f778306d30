package steptest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/projections/view"
	"cairn/reconcilers/engine"
	"cairn/reconcilers/step"
)

// body is any typed object.
type body interface {
	metav1.Object
	runtime.Object
}

// call is one request on its way.
type call struct {
	ref         events.Ref
	subresource string
	contentType string
	in          []byte
	actor       events.Actor
	cause       []events.Offset
	reason      string
}

// failure is an answer that is no success.
type failure struct {
	status  int
	message string
}

func (f *failure) Error() string { return f.message }

// Do implements engine.Requests.
func (w *World) Do(_ context.Context, who engine.Identity, causes []events.Offset, reason, verb, path, contentType string, in []byte) (int, []byte, error) {
	c := call{contentType: contentType, in: in, cause: causes, reason: reason, actor: events.Actor{User: "system:cairn:reconciler:" + who.Name, Reconciler: who.Name}}
	c.ref, c.subresource = parsePath(path)
	w.mu.Lock()
	w.Calls = append(w.Calls, verb+" "+path)
	why := w.Refused[verb+" "+c.ref.Kind]
	w.mu.Unlock()
	err := error(nil)
	if why != "" {
		err = &failure{403, why}
	} else {
		err = w.serve(verb, c)
	}
	var f *failure
	if errors.As(err, &f) {
		out, _ := json.Marshal(metav1.Status{Message: f.message})
		return f.status, out, nil
	}
	return 200, []byte("{}"), err
}

func (w *World) serve(verb string, c call) error {
	switch verb {
	case "POST":
		return w.create(c)
	case "PATCH", "PUT":
		return w.change(verb, c)
	case "DELETE":
		return w.delete(c)
	}
	return &failure{405, verb}
}

func parsePath(path string) (ref events.Ref, subresource string) {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	group := ""
	if parts[0] == "apis" {
		group, parts = "."+parts[1], parts[1:]
	}
	parts = parts[2:]
	if parts[0] == "namespaces" && len(parts) > 2 && parts[2] != "finalize" {
		ref.Namespace, parts = parts[1], parts[2:]
	}
	ref.Kind = parts[0] + group
	if len(parts) > 1 {
		ref.Name = parts[1]
	}
	if len(parts) > 2 {
		subresource = parts[2]
	}
	return ref, subresource
}

func decode(b []byte) body {
	o, _, err := scheme.Codecs.UniversalDeserializer().Decode(b, nil, nil)
	if err != nil {
		panic("steptest: " + err.Error())
	}
	return o.(body)
}

func (w *World) create(c call) error {
	o := decode(c.in)
	if o.GetName() == "" {
		w.mu.Lock()
		w.names++
		o.SetName(fmt.Sprintf("%s%d", o.GetGenerateName(), w.names))
		w.mu.Unlock()
	}
	c.ref.Name = o.GetName()
	o.SetUID(types.UID("u-" + c.ref.Name + "-" + fmt.Sprint(w.Position().Offset+1)))
	o.SetGeneration(1)
	return w.append(c, events.ObjectCreated, o, nil)
}

func (w *World) read(ref events.Ref) (*view.Object, body, error) {
	o, err := w.Get(ref, 0)
	if err != nil {
		return nil, nil, &failure{404, ref.String() + " not found"}
	}
	b, err := engine.Decode(o)
	if err != nil {
		return nil, nil, err
	}
	return o, b.(body), nil
}

// change applies a patch or takes a whole object, of which only what the
// subresource is about counts.
func (w *World) change(verb string, c call) error {
	old, now, err := w.read(c.ref)
	if err != nil {
		return err
	}
	given := c.in
	if verb == "PATCH" {
		var ask struct{ Metadata metav1.ObjectMeta }
		json.Unmarshal(c.in, &ask)
		if string(ask.Metadata.UID) != old.UID || ask.Metadata.ResourceVersion != "" && ask.Metadata.ResourceVersion != old.Revision.String() {
			return &failure{409, "the object has been modified"}
		}
		before, _ := json.Marshal(now)
		if c.contentType == step.StrategicPatch {
			given, err = strategicpatch.StrategicMergePatch(before, c.in, now)
		} else {
			given, err = merge(before, c.in)
		}
		if err != nil {
			return &failure{422, err.Error()}
		}
	}
	o := decode(given)
	o.SetResourceVersion("")
	if o.GetDeletionTimestamp() != nil && len(o.GetFinalizers()) == 0 && (c.subresource == "finalize" || c.ref.Kind != events.Pods && c.ref.Kind != events.Namespaces) {
		return w.append(c, events.ObjectDeleted, o, old)
	}
	if c.subresource == "status" {
		return w.append(c, events.StatusUpdated, o, old)
	}
	if !reflect.DeepEqual(spec(o), spec(now)) {
		o.SetGeneration(now.GetGeneration() + 1)
	}
	if reflect.DeepEqual(o, now) {
		return nil
	}
	return w.append(c, events.ObjectUpdated, o, old)
}

func spec(o body) any {
	if f := reflect.ValueOf(o).Elem().FieldByName("Spec"); f.IsValid() {
		return f.Interface()
	}
	return nil
}

func (w *World) delete(c call) error {
	old, o, err := w.read(c.ref)
	if err != nil {
		return err
	}
	var options metav1.DeleteOptions
	json.Unmarshal(c.in, &options)
	if p := options.Preconditions; p != nil && p.UID != nil && string(*p.UID) != old.UID {
		return &failure{409, "another object of that name"}
	}
	if p := options.PropagationPolicy; p != nil {
		switch *p {
		case metav1.DeletePropagationForeground:
			o.SetFinalizers(append(o.GetFinalizers(), metav1.FinalizerDeleteDependents))
		case metav1.DeletePropagationOrphan:
			o.SetFinalizers(append(o.GetFinalizers(), metav1.FinalizerOrphanDependents))
		}
	}
	placed := old.Projected != nil && old.Projected.Pod != nil && old.Projected.Pod.Node != ""
	if !placed && len(o.GetFinalizers()) == 0 && c.ref.Kind != events.Namespaces {
		return w.append(c, events.ObjectDeleted, o, old)
	}
	if o.GetDeletionTimestamp() != nil {
		return nil
	}
	o.SetDeletionTimestamp(&metav1.Time{Time: w.Now()})
	return w.append(c, events.DeletionRequested, o, old)
}

func (w *World) append(c call, t events.Type, o body, old *view.Object) error {
	data, _ := runtime.Encode(scheme.Codecs.LegacyCodec(scheme.Scheme.PrioritizedVersionsAllGroups()...), o)
	e := &events.Event{Type: t, Subject: c.ref, UID: string(o.GetUID()), Actor: c.actor, Cause: c.cause, Reason: c.reason, Facts: factsOf(o)}
	if old != nil {
		e.Require = events.Precondition{Written: old.Written, UID: old.UID}
	}
	part := events.Part{Column: events.Spec, Encoding: "application/json", Data: data}
	switch t {
	case events.ObjectDeleted:
		e.Facts = events.Facts{}
	case events.StatusUpdated:
		status := part
		status.Column = events.Status
		e.Parts = []events.Part{part, status}
	default:
		e.Parts = []events.Part{part}
	}
	got, err := w.Write(context.Background(), e)
	switch {
	case err != nil:
		return err
	case got.Outcome.Code == fold.Exists || got.Outcome.Code == fold.Moved:
		return &failure{409, got.Outcome.Reason}
	case !got.Outcome.Accepted():
		return &failure{403, got.Outcome.Reason}
	}
	return nil
}

// merge applies a JSON merge patch (RFC 7386).
func merge(doc, patch []byte) ([]byte, error) {
	var a, b map[string]any
	if err := errors.Join(json.Unmarshal(doc, &a), json.Unmarshal(patch, &b)); err != nil {
		return nil, err
	}
	return json.Marshal(overlay(a, b))
}

func overlay(a, b map[string]any) map[string]any {
	if a == nil {
		a = map[string]any{}
	}
	for k, v := range b {
		switch v := v.(type) {
		case nil:
			delete(a, k)
		case map[string]any:
			under, _ := a[k].(map[string]any)
			a[k] = overlay(under, v)
		default:
			a[k] = v
		}
	}
	return a
}
