package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/reconcilers/step"
)

// stepsAtOnce is how many keys are stepped before the loop looks up again.
const stepsAtOnce = 64

// result is how a plan went.
type result int

const (
	done     result = iota
	conflict        // somebody was faster: look again
	refused         // or unanswered: look again later
)

// ending tells the loop that a key's plan is over.
type ending struct {
	key     workKey
	barrier events.Offset // what it wrote lies at or before this
	result  result
	trouble string
}

// run steps keys that are ready and sets their plans going.
func (e *Engine) run(ctx context.Context) {
	for range stepsAtOnce {
		if len(e.ready) == 0 {
			e.ready = nil
			return
		}
		k := e.ready[0]
		e.ready = e.ready[1:]
		w := e.works[k]
		w.queued = false
		plan := e.step(k, w)
		w.due = plan.Due
		if !w.due.IsZero() {
			e.at(w.due, k)
		}
		if len(plan.Intents) == 0 {
			w.fails, w.trouble = 0, ""
			e.forget(k, w)
			continue
		}
		w.running = true
		e.acting.Add(1)
		ended := e.ended
		go func() {
			defer e.acting.Done()
			n := e.act(ctx, e.opt.Reconcilers[k.reconciler].About().Name, plan)
			n.key = k
			select {
			case ended <- n:
			case <-ctx.Done():
			}
		}()
	}
}

func (e *Engine) step(k workKey, w *work) step.Plan {
	r := e.opt.Reconcilers[k.reconciler]
	in := step.Input{Now: e.opt.Clock.Now(), Picture: e.picture, Key: k.ref, Triggers: w.triggers, Trouble: w.trouble}
	w.dirty, w.triggers = false, nil
	in.Bodies = e.bodies(r.Needs(e.picture, k.ref))
	if r.About().Observes {
		in.Silence, in.Heard = e.silence(in.Now)
	}
	return r.Step(in)
}

// act carries out a plan in order, up to the first failure.
func (e *Engine) act(ctx context.Context, name string, plan step.Plan) ending {
	n := ending{barrier: events.NoOffset}
	for rest := plan.Intents; len(rest) > 0 && n.result == done; {
		same := alike(rest)
		if rest[0].Record != nil {
			e.write(ctx, name, rest[:same], &n)
		} else {
			e.request(ctx, name, rest[:same], &n)
		}
		rest = rest[same:]
	}
	n.barrier = max(n.barrier, e.opt.Cell.Position().Offset)
	if n.result != done {
		e.opt.Log.Debug("plan ended early", "reconciler", name, "why", n.trouble)
	}
	return n
}

// alike counts the intents at the front that are of one sort.
func alike(list []step.Intent) int {
	sort := func(i step.Intent) [3]string {
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
func (e *Engine) request(ctx context.Context, name string, list []step.Intent, n *ending) {
	for size := 1; len(list) > 0 && n.result == done; size *= 2 {
		batch := list[:min(size, len(list))]
		list = list[len(batch):]
		var wait sync.WaitGroup
		var mu sync.Mutex
		for _, i := range batch {
			e.slots <- struct{}{}
			wait.Go(func() {
				defer func() { <-e.slots }()
				status, out, err := e.opt.Requests.Do(ctx, Identity{name}, i.Cause, i.Reason, i.Request.Method, i.Request.Path(), i.Request.ContentType, i.Request.Body)
				r, trouble := judge(i.Request.Method, status, out, err)
				mu.Lock()
				defer mu.Unlock()
				if r > n.result {
					n.result, n.trouble = r, trouble
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
		return done, "" // it is gone already; the picture will tell
	}
	var said metav1.Status
	message := fmt.Sprintf("HTTP %d", status)
	if json.Unmarshal(out, &said) == nil && said.Message != "" {
		message = said.Message
	}
	if status == http.StatusConflict {
		return conflict, message
	}
	return refused, message
}

// write appends records together.
func (e *Engine) write(ctx context.Context, name string, list []step.Intent, n *ending) {
	batch := make([]*events.Event, 0, len(list))
	for _, i := range list {
		batch = append(batch, &events.Event{
			ID: e.opt.NewID(), Type: i.Record.Type, Subject: i.Record.Subject, UID: i.Record.UID,
			Actor: events.Actor{User: "system:cairn", Reconciler: name}, Cause: i.Cause, Reason: i.Reason,
			Claimed: e.opt.Clock.Now().UnixNano(), Require: events.Precondition{UID: i.Record.UID}, Facts: i.Record.Facts,
		})
	}
	written, err := e.opt.Cell.WriteAll(ctx, batch)
	if err != nil {
		n.result, n.trouble = refused, err.Error()
		return
	}
	for _, w := range written {
		n.barrier = max(n.barrier, w.Offset)
		if !w.Outcome.Accepted() && w.Outcome.Code != fold.Duplicate {
			n.result, n.trouble = conflict, w.Outcome.Reason
		}
	}
}
