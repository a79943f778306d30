package worldtest

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cairn/events"
	"cairn/nodes/runtime"
	"cairn/nodes/runtimetest"
)

// slowly starts containers in three seconds.
func slowly(runtime.ID, runtime.Run, *corev1.Container) runtimetest.Behaviour {
	return runtimetest.Behaviour{Starts: 3 * time.Second}
}

// done reports whether the Deployment has n ready pods of an image, and each runs.
func (w *World) done(n int, image string, nodes []*Daemon) bool {
	pods := w.List(events.Pods)
	for _, p := range pods {
		if !imageIs(object{p}, image) || (object{p}).condition("Ready")["status"] != "True" {
			return false
		}
	}
	return len(pods) == n && running(nodes, w) == n
}

func imageIs(o object, image string) bool {
	c, _ := o.at("spec", "containers").([]any)
	return len(c) == 1 && c[0].(map[string]any)["image"] == image
}

// running counts the containers that run for pods that are there.
func running(nodes []*Daemon, w *World) (n int) {
	for _, p := range w.pods() {
		for _, d := range nodes {
			n += len(d.Machine.Running(p.UID))
		}
	}
	return n
}

func TestACellOfThreeNodesRunsRollsOutAndDeletesADeployment(t *testing.T) {
	In(t, 1, func(w *World) {
		w.Run(w.Whole())
		var nodes []*Daemon
		for i := range 3 {
			nodes = append(nodes, w.Join(fmt.Sprint("n", i+1), slowly))
		}
		w.Must(w.Apply(deployment(6, "v1")))
		w.Until(time.Minute, "six pods of v1 run", func() bool { return w.done(6, "v1", nodes) })
		for _, d := range nodes {
			if n := running([]*Daemon{d}, w); n != 2 {
				t.Errorf("%s runs %d of the six", d.Name, n)
			}
		}
		w.Must(w.Apply(deployment(6, "v2")))
		w.Until(5*time.Minute, "six pods of v2 run", func() bool { return w.done(6, "v2", nodes) })
		w.Must(w.Delete(events.Ref{Kind: events.Deployments, Namespace: "default", Name: "web"}, ""))
		w.Until(5*time.Minute, "nothing is left", func() bool { return len(w.List(events.Pods))+len(w.List(events.ReplicaSets)) == 0 })
		for _, d := range nodes {
			if left := d.Network.Attached(); len(left) > 0 {
				t.Errorf("%s still holds %v", d.Name, left)
			}
		}
	})
}

func TestPodsOfANodeThatFallsSilentMoveAndTheOldOnesEndWhenItIsBack(t *testing.T) {
	In(t, 1, func(w *World) {
		w.Run(w.Whole())
		var nodes []*Daemon
		for i := range 4 {
			nodes = append(nodes, w.Join(fmt.Sprint("n", i+1), nil))
		}
		w.Must(w.Apply(deployment(8, "v1")))
		w.Until(time.Minute, "eight pods run", func() bool { return w.done(8, "v1", nodes) })
		nodes[0].Stop()
		w.Until(10*time.Minute, "eight pods run on the others", func() bool {
			live := 0
			for _, p := range w.List(events.Pods) {
				if p.GetDeletionTimestamp() == nil && (object{p}).condition("Ready")["status"] == "True" {
					live++
				}
			}
			return live == 8 && running(nodes[1:], w) == 8
		})
		w.Restart(nodes[0])
		w.Until(10*time.Minute, "the node is back and runs none of the old ones", func() bool {
			return w.done(8, "v1", nodes) && len(nodes[0].Network.Attached()) == running(nodes[:1], w)
		})
	})
}
