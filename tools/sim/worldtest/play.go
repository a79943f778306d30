package worldtest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/reconcilers/engine"
	"cairn/reconcilers/reconcile"
)

// Play runs every scenario in a folder, each in a world of its own. The commands:
//
//	nodes           lines: a node to add and register, or to change, see World.Node
//	apply           YAML, as alice
//	crowd N cpu=C   N pods that ask for C cores each
//	delete REF [POLICY]
//	run [PREFIX...] every node does what it was told; pods named so don't become ready
//	report [NAMESPACE/]POD WHAT   its node says ready, unready, failed, succeeded, gone
//	node NAME TYPE  a record about a node's health
//	silence N=D...  how long nodes have not been heard of
//	pass D          time goes by
//	refuse VERB KIND, allow VERB KIND   the API refuses that to reconcilers
//	step REF        what the first reconciler plans
//	act REF         what it plans, and do it
//	settle          all reconcilers, until nothing is left to do now
//	show KIND       what there is, as the API shows it
//	count           records since the last count, by type
//
// A REF is KIND, KIND/NAME or KIND/NAMESPACE/NAME.
func Play(t *testing.T, folder string, first string, cores func() []reconcile.Core, list func(w *World) []reconcile.Reconciler) {
	datadriven.Walk(t, folder, func(t *testing.T, path string) {
		In(t, 1, func(w *World) {
			p := &player{w: w, first: first}
			o := w.Engine()
			if o.Silence = p.observe; list != nil {
				o.Reconcilers = list(w)
			}
			if cores != nil {
				o.Cores = cores()
			}
			var err error
			p.s, err = engine.NewStepper(w.ctx, o)
			w.Must(err)
			p.counted = w.First
			datadriven.RunTestAny(t, path, func(_ testing.TB, d *datadriven.TestData) string {
				out, err := p.play(d)
				if err != nil {
					return w.Shown("error: " + err.Error())
				}
				if out == "" {
					return "nothing"
				}
				return w.Shown(out)
			})
		})
	})
}

// player plays a scenario.
type player struct {
	w       *World
	s       *engine.Stepper
	first   string
	silence map[string]time.Duration
	counted events.Offset
}

// observe is the engine's observer of nodes: what the scenario says.
func (p *player) observe(time.Time, bool) map[string]time.Duration { return p.silence }

func (p *player) play(d *datadriven.TestData) (string, error) {
	words := make([]string, 0, len(d.CmdArgs))
	for _, a := range d.CmdArgs {
		words = append(words, a.String())
	}
	switch d.Cmd {
	case "step", "act", "settle", "show", "count":
		return p.look(d.Cmd, words)
	}
	return "ok", p.happen(d, words)
}

func (p *player) happen(d *datadriven.TestData, words []string) error {
	w := p.w
	switch d.Cmd {
	case "nodes":
		for _, line := range strings.Split(d.Input, "\n") {
			if err := w.Node(line); err != nil {
				return err
			}
		}
		return nil
	case "apply":
		return w.Apply(d.Input)
	case "crowd":
		n, err := strconv.Atoi(words[0])
		if err != nil {
			return err
		}
		return w.Crowd(n, strings.TrimPrefix(words[1], "cpu="))
	case "delete":
		policy := metav1.DeletionPropagation("")
		if len(words) > 1 {
			policy = metav1.DeletionPropagation(words[1])
		}
		return w.Delete(p.ref(words[0]), policy)
	case "run":
		return w.RunNodes(words...)
	case "report":
		return w.Report(words[0], words[1])
	case "node":
		return w.NodeEvent(words[0], events.Type(words[1]))
	case "silence":
		p.silence = map[string]time.Duration{}
		for _, x := range words {
			name, d, _ := strings.Cut(x, "=")
			p.silence[name], _ = time.ParseDuration(d)
		}
		return nil
	case "pass":
		d, err := time.ParseDuration(words[0])
		w.Pass(d)
		return err
	case "refuse":
		w.Refuse(words[0], words[1], strings.TrimSpace(d.Input))
		return nil
	case "allow":
		w.Refuse(words[0], words[1], "")
		return nil
	}
	return fmt.Errorf("unknown command %s", d.Cmd)
}

func (p *player) ref(s string) events.Ref {
	ref := parseRef(s)
	ref.Name = p.w.Real(ref.Name)
	return ref
}

func (p *player) look(cmd string, words []string) (string, error) {
	if err := p.s.CatchUp(); err != nil {
		return "", err
	}
	switch cmd {
	case "step":
		plan, err := p.s.Plan(engine.Look{Reconciler: p.first, Key: p.ref(words[0])})
		return p.w.plan(plan), err
	case "act":
		plan, _, err := p.s.Act(p.w.ctx, engine.Look{Reconciler: p.first, Key: p.ref(words[0])})
		p.w.Settled()
		return p.w.plan(plan), err
	case "settle":
		acts, err := Settle(p.w, p.s)
		return fmt.Sprintf("settled after %d acts", acts), err
	case "count":
		return p.count(), nil
	}
	return p.w.Show(words[0]), nil
}

// Settle runs all that is ready, and what failed again when its pause is over,
// until nothing is left to do now.
func Settle(w *World, s *engine.Stepper) (acts int, err error) {
	for steps := 0; ; steps++ {
		if err := s.CatchUp(); err != nil {
			return acts, err
		}
		ready := s.Ready()
		if len(ready) == 0 {
			at := s.Retry()
			if at.IsZero() {
				return acts, nil
			}
			w.Pass(max(time.Until(at), time.Millisecond))
			continue
		}
		plan, failed, err := s.Act(w.ctx, ready[0])
		if err != nil {
			return acts, err
		}
		if steps > 1000 {
			return acts, fmt.Errorf("it does not settle: %v, which ends in %q, again plans\n%s", ready[0], failed, w.plan(plan))
		}
		acts += len(plan.Intents)
		w.Settled()
	}
}
