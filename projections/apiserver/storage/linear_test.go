package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/apis/example"
	examplev1 "k8s.io/apiserver/pkg/apis/example/v1"
	"k8s.io/apiserver/pkg/storage"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/events/ledger/memory"
	"cairn/projections/follower"
	"cairn/projections/follower/porcupinetest"
	"cairn/projections/kinds"
	"cairn/projections/store"
)

// registers keeps registers as objects, through storage.Interface: a value is
// an annotation, and half of the reads are updates that change nothing.
type registers struct{ *Kind }

// moved is what an update or deletion finds that expects another revision.
var moved = errors.New("another revision")

func (s *registers) Do(ctx context.Context, c porcupinetest.Call) (porcupinetest.Return, error) {
	key, pod := "/"+examplePods+"/default/"+c.Key, &example.Pod{}
	ctx, giveUp := porcupinetest.Hurry(ctx, c)
	defer giveUp()
	set := func(p *example.Pod) {
		p.Annotations = map[string]string{"value": strconv.FormatUint(uint64(c.Value), 10)}
	}
	expected := func(o runtime.Object) error {
		if rv, err := versioner.ObjectResourceVersion(o); err != nil || c.Expect != 0 && rv != c.Revision {
			return errors.Join(err, moved)
		}
		return nil
	}
	update := func(o runtime.Object, _ storage.ResponseMeta) (runtime.Object, *uint64, error) {
		if c.Kind == porcupinetest.Update {
			set(o.(*example.Pod))
		}
		return o, nil, expected(o)
	}
	var err error
	switch {
	case c.Kind == porcupinetest.Glance:
		err = s.Get(ctx, key, storage.GetOptions{ResourceVersion: "0"}, pod)
	case c.Kind == porcupinetest.Read && c.Value%2 == 0:
		err = s.Get(ctx, key, storage.GetOptions{}, pod)
	case c.Kind == porcupinetest.Create:
		in := &example.Pod{}
		in.Name, in.Namespace = c.Key, "default"
		set(in)
		err = s.Create(ctx, key, in, pod, 0)
	case c.Kind == porcupinetest.Delete:
		err = s.Delete(ctx, key, pod, nil, func(_ context.Context, o runtime.Object) error { return expected(o) }, nil, storage.DeleteOptions{})
	default:
		err = s.GuaranteedUpdate(ctx, key, pod, false, nil, update, nil)
	}
	return told(c, pod, err)
}

// told turns an answer of storage into a register's.
func told(c porcupinetest.Call, pod *example.Pod, err error) (porcupinetest.Return, error) {
	var status apierrors.APIStatus
	switch {
	case err == nil && c.Kind == porcupinetest.Delete:
		return porcupinetest.Return{Answer: porcupinetest.Done}, nil
	case err == nil:
		v, err := strconv.ParseUint(pod.Annotations["value"], 10, 64)
		rv, err2 := versioner.ObjectResourceVersion(pod)
		return porcupinetest.Return{Answer: porcupinetest.Done, Value: porcupinetest.Value(v), Revision: rv}, errors.Join(err, err2)
	case errors.Is(err, moved):
		return porcupinetest.Return{Answer: porcupinetest.Moved}, nil
	case storage.IsNotFound(err):
		return porcupinetest.Return{Answer: porcupinetest.Absent}, nil
	case storage.IsExist(err):
		return porcupinetest.Return{Answer: porcupinetest.Exists}, nil
	case errors.As(err, &status) && status.Status().Code == http.StatusGatewayTimeout:
		return porcupinetest.Return{}, fmt.Errorf("%w: %w", ledger.ErrUnknown, err)
	}
	return porcupinetest.Return{}, err
}

// newRegisters is a server of its own over a ledger.
func newRegisters(t *testing.T, l ledger.Ledger) *registers {
	t.Helper()
	rows, err := store.Open("view", store.Options{Disk: store.MemoryDisk()})
	must(t, err)
	t.Cleanup(func() { rows.Close() })
	cell, err := follower.Start(context.Background(), follower.Options{Ledger: l, Store: rows, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(func() { cell.Stop() })
	must(t, cell.ReadPoint(t.Context()))
	kind := &kinds.Kind{Name: examplePods, Version: examplev1.SchemeGroupVersion.WithKind("Pod"), Namespaced: true, New: func() kinds.Object { return &examplev1.Pod{} }}
	ctx, cancel := context.WithCancel(context.Background())
	e := New(ctx, Options{Cell: cell, Kinds: kinds.NewTable(kind), Scheme: exampleScheme})
	t.Cleanup(func() { cancel(); e.Wait() })
	k, err := e.For(examplePods, func() runtime.Object { return &example.Pod{} })
	must(t, err)
	return &registers{k}
}

// What two servers answer over one ledger is linearizable, an AlreadyExists, a
// NotFound, a conflict and an update that changes nothing among it. A read with
// resourceVersion=0 may be stale.
func TestAnswersOfTwoServersAreLinearizable(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed_", seed), func(t *testing.T) {
			inner := memory.New(func() int64 { return time.Now().UnixNano() })
			first := &events.Event{ID: events.ID(uuid.New()), Type: events.CellCreated, Subject: events.Ref{Kind: events.Cells, Name: "test"},
				Base: events.NoOffset, Facts: events.Facts{Cell: &events.Cell{Name: "test", Incarnation: "0b1c", Gate: events.GateFirst, Window: 1 << 17,
					PodRange: "10.66.0.0/16", ServiceRange: "10.67.0.0/16", NodeMask: 24, NodePortLow: 30000, NodePortHigh: 30100, DNSAddress: "10.67.0.10"}}}
			space := &events.Event{ID: events.ID(uuid.New()), Type: events.ObjectCreated, Subject: events.Ref{Kind: events.Namespaces, Name: "default"},
				UID: "ns", Parts: []events.Part{{Column: events.Spec, Data: []byte("x")}}}
			_, err := inner.Append(t.Context(), [][]byte{events.AppendFrame(nil, first), events.AppendFrame(nil, space)})
			must(t, err)
			l := porcupinetest.Rough(inner, seed)
			load := porcupinetest.Load{Seed: seed, Clients: 6, Calls: 60, Keys: 3,
				Servers: []porcupinetest.Server{newRegisters(t, porcupinetest.Far(l)), newRegisters(t, porcupinetest.Far(l))}}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			h := porcupinetest.NewHistory()
			load.Run(ctx, h)
			must(t, l.Deliver(ctx))
			must(t, load.Finish(ctx, h))
			h.Check(t, seed, "./projections/apiserver/storage")
		})
	}
}
