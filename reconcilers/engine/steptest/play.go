package steptest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/reconcilers/step"
)

// Play runs every scenario in a folder, each in a world of its own. The first
// reconciler is the one whose plans step and act print.
func Play(t *testing.T, folder string, list ...step.Reconciler) {
	datadriven.Walk(t, folder, func(t *testing.T, path string) {
		p := &player{world: New(), list: list, trouble: map[int]map[events.Ref]string{}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			out, err := p.play(d)
			if err != nil {
				return "error: " + err.Error()
			}
			if out == "" {
				return "nothing"
			}
			return out
		})
	})
}

func (p *player) play(d *datadriven.TestData) (string, error) {
	w := p.world
	words := make([]string, 0, len(d.CmdArgs))
	for _, a := range d.CmdArgs {
		words = append(words, a.String())
	}
	first := strings.Join(words, " ")
	switch d.Cmd {
	case "nodes":
		for _, line := range strings.Split(d.Input, "\n") {
			name, facts := nodeOf(line)
			w.AddNode(name, facts)
		}
		return "ok", nil
	case "apply":
		w.Apply(d.Input)
		return "ok", nil
	case "delete":
		policy := metav1.DeletionPropagation("")
		if len(words) > 1 {
			policy = metav1.DeletionPropagation(words[1])
		}
		return "ok", w.Delete(parseRef(words[0]), policy)
	case "run":
		w.Run(words...)
		return "ok", nil
	case "report":
		return "ok", w.Report(words[0], words[1])
	case "node":
		return "ok", w.NodeEvent(words[0], events.Type(words[1]))
	case "silence":
		p.silence, p.heard = map[string]time.Duration{}, map[string]bool{}
		for _, x := range words {
			name, d, _ := strings.Cut(x, "=")
			name, unheard := strings.CutSuffix(name, "-unheard")
			p.heard[name] = !unheard
			p.silence[name], _ = time.ParseDuration(d)
		}
		return "ok", nil
	case "pass":
		d, err := time.ParseDuration(first)
		w.Pass(d)
		return "ok", err
	case "refuse":
		w.Refused[strings.Join(words[:2], " ")] = strings.TrimSpace(d.Input)
		return "ok", nil
	case "allow":
		delete(w.Refused, strings.Join(words[:2], " "))
		return "ok", nil
	}
	return p.look(d.Cmd, words)
}

func (p *player) look(cmd string, words []string) (string, error) {
	switch cmd {
	case "step":
		p.catchUp()
		defer func(before []work) { p.queue = before }(slices.Clone(p.queue)) // only looked at
		return show(p.plan(0, parseRef(words[0])), p.world.Now()), nil
	case "act":
		key := parseRef(words[0])
		plan := p.plan(0, key)
		p.act(0, key, plan)
		return show(plan, p.world.Now()), nil
	case "settle":
		return p.settle()
	case "show":
		return p.world.Show(words[0]), nil
	}
	return "", fmt.Errorf("unknown command %s", cmd)
}

// parseRef reads KIND/NAME, KIND/NAMESPACE/NAME or KIND.
func parseRef(s string) events.Ref {
	parts := strings.Split(s, "/")
	switch len(parts) {
	case 1:
		return events.Ref{Kind: parts[0]}
	case 2:
		return events.Ref{Kind: parts[0], Name: parts[1]}
	}
	return events.Ref{Kind: parts[0], Namespace: parts[1], Name: parts[2]}
}

// nodeOf reads "n1 cpu=4000 mem=8192 pods=110 label=zone:a taint=gpu:yes:NoSchedule unschedulable"; memory in MiB.
func nodeOf(line string) (string, events.Facts) {
	words := strings.Fields(line)
	n := &events.Node{Allocatable: events.Resources{MilliCPU: 4000, Memory: 8 << 30, Storage: 100 << 30, Pods: 110},
		Addresses: []events.Pair{{Key: "InternalIP", Value: "192.0.2.1"}}}
	f := events.Facts{Node: n}
	for _, word := range words[1:] {
		k, v, _ := strings.Cut(word, "=")
		num, _ := strconv.ParseUint(v, 10, 64)
		parts := append(strings.Split(v, ":"), "", "")
		switch k {
		case "cpu":
			n.Allocatable.MilliCPU = num
		case "mem":
			n.Allocatable.Memory = num << 20
		case "pods":
			n.Allocatable.Pods = num
		case "label":
			f.Labels = append(f.Labels, events.Pair{Key: parts[0], Value: parts[1]})
		case "taint":
			n.Taints = append(n.Taints, events.Taint{Key: parts[0], Value: parts[1], Effect: parts[2]})
		case "unschedulable":
			n.Unschedulable = true
		}
	}
	return words[0], f
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
