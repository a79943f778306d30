package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/reconcilers/reconcile"
)

// result is how a plan went.
type result int

const (
	done     result = iota
	conflict        // somebody was faster: look again
	refused         // or unanswered: look again later
)

// ending tells a loop that a plan is over.
type ending struct {
	key       key
	barrier   events.Offset // what it wrote lies at or before this
	result    result
	lastError string
}

// actor carries plans out; all loops share one.
type actor struct {
	opt   *Options
	slots chan struct{} // requests under way
}

func newActor(o *Options) *actor { return &actor{opt: o, slots: make(chan struct{}, o.Workers)} }

// act carries out a plan in order, up to the first failure.
func (a *actor) act(ctx context.Context, k key, name string, plan reconcile.Plan) ending {
	n := ending{key: k, barrier: events.NoOffset}
	for rest := plan.Intents; len(rest) > 0 && n.result == done; {
		same := alike(rest)
		if rest[0].Record != nil {
			a.write(ctx, name, rest[:same], &n)
		} else {
			a.request(ctx, name, rest[:same], &n)
			n.barrier = max(n.barrier, a.opt.Cell.Position().Offset)
		}
		rest = rest[same:]
	}
	if n.result != done {
		a.opt.Log.Debug("plan ended early", "reconciler", name, "why", n.lastError)
	}
	return n
}

// alike counts the intents at the front that are of one sort.
func alike(list []reconcile.Intent) int {
	sort := func(i reconcile.Intent) [3]string {
		if i.Record != nil {
			return [3]string{}
		}
		return [3]string{i.Request.Method, i.Request.Ref.Kind, i.Request.Subresource}
	}
	n := 1
	for n < len(list) && sort(list[n]) == sort(list[0]) {
		n++
	}
	return n
}

// request sends alike requests in batches of 1, 2, 4, ...: where one is
// refused, most of the others are not even tried.
func (a *actor) request(ctx context.Context, name string, list []reconcile.Intent, n *ending) {
	for size := 1; len(list) > 0 && n.result == done; size *= 2 {
		batch := list[:min(size, len(list))]
		list = list[len(batch):]
		var wait sync.WaitGroup
		var mu sync.Mutex
		for _, i := range batch {
			a.slots <- struct{}{}
			wait.Go(func() {
				defer func() { <-a.slots }()
				status, out, err := a.opt.Requests.Do(ctx, Identity{name}, i.Cause, i.Reason, i.Request.Method, i.Request.Path(), i.Request.ContentType, i.Request.Body)
				r, why := judge(i.Request.Method, status, out, err)
				mu.Lock()
				defer mu.Unlock()
				if r > n.result {
					n.result, n.lastError = r, why
				}
			})
		}
		wait.Wait()
	}
}

// judge says what an answer means for the plan.
func judge(method string, status int, out []byte, err error) (result, string) {
	switch {
	case err != nil:
		return refused, err.Error()
	case status < 300:
		return done, ""
	case status == http.StatusNotFound && method != http.MethodPost:
		return done, "" // it is gone already; the cache will tell
	}
	said := metav1.Status{}
	if json.Unmarshal(out, &said) != nil || said.Message == "" {
		said.Message = fmt.Sprintf("HTTP status %d", status)
	}
	if status == http.StatusConflict {
		return conflict, said.Message
	}
	return refused, said.Message
}

// write appends records in one batch.
func (a *actor) write(ctx context.Context, name string, list []reconcile.Intent, n *ending) {
	batch := make([]*events.Event, 0, len(list))
	now := time.Now().UnixNano()
	for _, i := range list {
		batch = append(batch, &events.Event{
			ID: a.opt.NewID(), Type: i.Record.Type, Subject: i.Record.Subject, UID: i.Record.UID,
			Actor: events.Actor{User: "system:cairn", Reconciler: name}, Cause: i.Cause, Reason: i.Reason,
			Claimed: now, Require: events.Precondition{UID: i.Record.UID}, Facts: i.Record.Facts,
		})
	}
	written, err := a.opt.Cell.WriteAll(ctx, batch)
	if err != nil {
		n.result, n.lastError = refused, err.Error()
		return
	}
	for _, w := range written {
		n.barrier = max(n.barrier, w.Offset)
		if !w.Outcome.Accepted() && w.Outcome.Code != fold.Duplicate {
			n.result, n.lastError = conflict, w.Outcome.Code.String()
		}
	}
}
