package worldtest

import (
	"context"

	"cairn/reconcilers"
	"cairn/reconcilers/engine"
)

// Engine gives what an engine or a stepper needs of this world; its reconcilers
// are the caller's to choose. One request at a time: so order is the engine's.
func (w *World) Engine() engine.Options {
	return engine.Options{Cell: w.Cell, Requests: w.Requests(), Kinds: reconcilers.Kinds(), Workers: 1, Log: w.Log}
}

// Whole is Engine with every reconciler, many requests at once, and the
// server's own ears for nodes.
func (w *World) Whole() engine.Options {
	o := w.Engine()
	o.Workers, o.Silence = 0, w.Server.Silence
	o.Reconcilers, o.Cores = reconcilers.All(reconcilers.Config{CA: string(w.CA.CertPEM())}), reconcilers.Cores()
	return o
}

// Run runs an engine until the world ends, or until the answer is called.
func (w *World) Run(o engine.Options) (e *engine.Engine, stop func()) {
	e = engine.New(o)
	ctx, cancel := context.WithCancel(w.ctx)
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			w.T.Errorf("the engine ended with %v", err)
		}
		if !e.Status().Stopped {
			w.T.Error("an engine that ended does not say so")
		}
	}
	w.closing = append(w.closing, stop)
	return e, stop
}
