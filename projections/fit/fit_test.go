package fit

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"cairn/events"
)

// Each file is a table: a node and a pod at hand, changed bit by bit, and what
// Check says of them after each change. The commands:
//
//	node  registered=no ready=no deleting=yes cordon=yes taint=K=V:EFFECT label=K=V
//	      pods=10 cpu=4000 memory=100 storage=100 (allocatable)
//	pod   name=N (it begins anew) node=N selector=K=V port=TCP/ADDRESS/80
//	      tolerates=KEY,OPERATOR,VALUE,EFFECT cpu=500 memory=5 storage=5
//	hold  the node holds what the pod asks for; release: no more
//
// A key given twice adds; an empty value takes all of it away.
func TestTables(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		w := &world{pod: &events.Pod{}, node: &Node{Name: "n1", Facts: &events.Node{}}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "hold":
				w.node.Hold(w.pod, 1)
			case "release":
				w.node.Hold(w.pod, -1)
			case "node", "pod":
				for _, word := range strings.Fields(d.Input) {
					key, value, _ := strings.Cut(word, "=")
					if err := w.set(d.Cmd, key, value); err != nil {
						t.Fatalf("%s: %s: %v", d.Pos, word, err)
					}
				}
			default:
				t.Fatalf("%s: no command %s", d.Pos, d.Cmd)
			}
			return w.say()
		})
	})
}

type world struct {
	pod  *events.Pod
	node *Node
}

var names = [...]string{"fits", "no node", "not registered", "not ready", "deleting", "unschedulable", "taint", "selector", "host port",
	"too many pods", "cpu", "memory", "storage", "asks for another", "refused"}

func (w *world) say() string {
	r := Check(w.pod, w.node)
	if r.Arg == "" {
		return names[r.Reason]
	}
	return names[r.Reason] + " " + r.Arg
}

func (w *world) set(of, key, value string) error {
	n, err := strconv.ParseUint("0"+value, 10, 64)
	into := &w.pod.Requests
	if of == "node" {
		into = &w.node.Facts.Allocatable
	}
	switch key {
	case "pods":
		into.Pods = n
		return err
	case "cpu":
		into.MilliCPU = n
		return err
	case "memory":
		into.Memory = n
		return err
	case "storage":
		into.Storage = n
		return err
	}
	if of == "node" {
		return w.setNode(key, value)
	}
	return w.setPod(key, value)
}

func (w *world) setNode(key, value string) error {
	n := w.node
	switch key {
	case "registered":
		n.Registered = value == "yes"
	case "ready":
		n.Ready = value == "yes"
	case "deleting":
		n.Deleting = value == "yes"
	case "cordon":
		n.Facts.Unschedulable = value == "yes"
	case "taint":
		k, rest, _ := strings.Cut(value, "=")
		v, effect, _ := strings.Cut(rest, ":")
		n.Facts.Taints = add(n.Facts.Taints, value, events.Taint{Key: k, Value: v, Effect: effect})
	case "label":
		n.Labels = add(n.Labels, value, pair(value))
	default:
		return fmt.Errorf("no such field of a node")
	}
	return nil
}

func (w *world) setPod(key, value string) error {
	p := w.pod
	switch key {
	case "name":
		*p = events.Pod{}
	case "node":
		p.NodeName = value
	case "selector":
		p.NodeSelector = add(p.NodeSelector, value, pair(value))
	case "tolerates":
		x := strings.Split(value+",,,", ",")
		p.Tolerations = add(p.Tolerations, value, events.Toleration{Key: x[0], Operator: x[1], Value: x[2], Effect: x[3]})
	case "port":
		x := strings.Split(value+"//", "/")
		number, err := strconv.ParseUint("0"+x[2], 10, 16)
		p.HostPorts = add(p.HostPorts, value, events.HostPort{Protocol: x[0], Address: x[1], Port: number})
		return err
	default:
		return fmt.Errorf("no such field of a pod")
	}
	return nil
}

func pair(s string) events.Pair {
	k, v, _ := strings.Cut(s, "=")
	return events.Pair{Key: k, Value: v}
}

func add[T any](list []T, value string, x T) []T {
	if value == "" {
		return nil
	}
	return append(list, x)
}
