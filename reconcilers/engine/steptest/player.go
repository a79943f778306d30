package steptest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"

	"cairn/events"
	"cairn/projections/fold"
	"cairn/reconcilers/engine"
	"cairn/reconcilers/step"
)

// player runs reconcilers on a world without an engine: one key at a time, in
// the order in which they were given reason.
type player struct {
	world   *World
	list    []step.Reconciler
	picture *step.Picture
	applied int // results in the picture
	queue   []work
	trouble map[int]map[events.Ref]string
	silence map[string]time.Duration
	heard   map[string]bool
}

type work struct {
	reconciler int
	key        events.Ref
	triggers   []step.Trigger
}

// catchUp brings the picture up to the world and queues the keys concerned.
func (p *player) catchUp() {
	if p.picture == nil {
		p.picture = step.NewPicture(0, events.Pods, events.Nodes, events.Namespaces, events.ReplicaSets, events.ReplicationCtrl,
			events.Deployments, events.ConfigMaps, events.ServiceAccounts, events.Services)
	}
	for _, r := range p.world.results[p.applied:] {
		for _, c := range p.picture.Apply(r) {
			for i, rec := range p.list {
				for _, key := range rec.Keys(p.picture, c) {
					p.push(i, key, c.Trigger)
				}
			}
		}
	}
	p.applied = len(p.world.results)
}

func (p *player) push(i int, key events.Ref, t step.Trigger) {
	for j := range p.queue {
		if w := &p.queue[j]; w.reconciler == i && w.key == key {
			w.triggers = append(w.triggers, t)
			return
		}
	}
	p.queue = append(p.queue, work{i, key, []step.Trigger{t}})
}

// Troupe runs reconcilers on a world one key at a time, in an order that dice choose.
type Troupe struct{ p *player }

// NewTroupe makes one; it looks at all that the world holds.
func NewTroupe(w *World, list ...step.Reconciler) *Troupe {
	return &Troupe{&player{world: w, list: list, trouble: map[int]map[events.Ref]string{}}}
}

// Act steps one of the keys that wait, pick(n) of n, and does what it plans;
// false: none waits.
func (t *Troupe) Act(pick func(n int) int) bool {
	p := t.p
	p.catchUp()
	if len(p.queue) == 0 {
		return false
	}
	w := p.queue[pick(len(p.queue))]
	p.act(w.reconciler, w.key, p.plan(w.reconciler, w.key))
	return true
}

// plan steps a key with the triggers that wait for it.
func (p *player) plan(i int, key events.Ref) step.Plan {
	p.catchUp()
	in := step.Input{Now: p.world.Now(), Picture: p.picture, Key: key, Silence: p.silence, Heard: p.heard, Trouble: p.trouble[i][key], Bodies: map[events.Ref]runtime.Object{}}
	for j, w := range p.queue {
		if w.reconciler == i && w.key == key {
			in.Triggers = w.triggers
			p.queue = append(p.queue[:j:j], p.queue[j+1:]...)
			break
		}
	}
	for _, ref := range p.list[i].Needs(p.picture, key) {
		o := p.picture.Get(ref)
		if o == nil {
			continue
		}
		stored, err := p.world.Get(ref, o.Revision)
		if err != nil {
			panic(err)
		}
		if in.Bodies[ref], err = engine.Decode(stored); err != nil {
			panic(err)
		}
	}
	return p.list[i].Step(in)
}

// act carries a plan out, up to the first refusal.
func (p *player) act(i int, key events.Ref, plan step.Plan) {
	name := p.list[i].About().Name
	if p.trouble[i] == nil {
		p.trouble[i] = map[events.Ref]string{}
	}
	for _, x := range plan.Intents {
		if x.Record != nil {
			got, _ := p.world.Write(context.Background(), &events.Event{Type: x.Record.Type, Subject: x.Record.Subject, UID: x.Record.UID, Cause: x.Cause,
				Reason: x.Reason, Facts: x.Record.Facts, Actor: events.Actor{User: "system:cairn", Reconciler: name}})
			if !got.Outcome.Accepted() && got.Outcome.Code != fold.Duplicate {
				p.trouble[i][key] = got.Outcome.Reason
				return
			}
			continue
		}
		r := x.Request
		status, out, err := p.world.Do(context.Background(), engine.Identity{Name: name}, x.Cause, x.Reason, r.Method, r.Path(), r.ContentType, r.Body)
		if err != nil {
			panic(err)
		}
		if status >= 300 && status != 404 {
			why := strings.TrimSuffix(strings.TrimPrefix(string(out), `{"metadata":{},"message":"`), `"}`)
			p.trouble[i][key] = why
			return
		}
	}
	delete(p.trouble[i], key)
}

// settle runs all reconcilers until none has anything left to do now.
func (p *player) settle() (string, error) {
	p.catchUp()
	acts := 0
	for steps := 0; len(p.queue) > 0; steps++ {
		if steps > 2000 {
			return "", fmt.Errorf("it does not settle: %v", p.queue)
		}
		w := p.queue[0]
		plan := p.plan(w.reconciler, w.key)
		acts += len(plan.Intents)
		p.act(w.reconciler, w.key, plan)
		p.catchUp()
	}
	return fmt.Sprintf("settled after %d acts", acts), nil
}
