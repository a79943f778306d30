package registries

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/kubernetes/pkg/apis/core"
	podrest "k8s.io/kubernetes/pkg/registry/core/pod/rest"

	"cairn/events"
	"cairn/projections/apiserver/calls"
	"cairn/projections/apiserver/tally"
)

// session puts exec, attach and port-forward on record. Invariant: no
// connection to a pod is opened before the ledger says who opens it and what for.
type session struct {
	rest.Storage
	rest.Connecter
	c Config
}

// Connect asks upstream whether the session can be (the pod runs, the container
// is named), and appends its record; only the handler it returns connects.
func (s session) Connect(ctx context.Context, name string, opts runtime.Object, r rest.Responder) (http.Handler, error) {
	h, err := s.Connecter.Connect(ctx, name, opts, r)
	if err != nil {
		return nil, err
	}
	pod, err := s.c.pod(ctx, name)
	if err != nil {
		return nil, err
	}
	e := s.c.Engine.NewEvent(ctx, events.SessionOpened, refOf(pod), string(pod.UID))
	e.Reason = purpose(opts, pod)
	w, err := s.c.Engine.Append(ctx, e)
	if err != nil {
		return nil, err
	}
	if !w.Outcome.Accepted() {
		return nil, apierrors.NewInternalError(fmt.Errorf("the ledger refused the record of this session as %s (record %d)", w.Outcome.Code, w.Offset))
	}
	ended := s.c.Sessions.open(e, w.Offset)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer ended()
		h.ServeHTTP(w, r)
	}), nil
}

// pod is the pod as it is now; the answer is shared.
func (c Config) pod(ctx context.Context, name string) (*corev1.Pod, error) {
	o, err := c.Engine.Get(events.Pods, request.NamespaceValue(ctx), name, 0)
	if err != nil {
		return nil, apierrors.NewNotFound(corev1.Resource(events.Pods), name)
	}
	pod, ok := o.(*corev1.Pod)
	if !ok {
		return nil, apierrors.NewInternalError(errors.New("a pod is no pod"))
	}
	return pod, nil
}

func refOf(pod *corev1.Pod) events.Ref {
	return events.Ref{Kind: events.Pods, Namespace: pod.Namespace, Name: pod.Name}
}

// purpose says what a session is for: "exec in container web: sh -c ls".
func purpose(opts runtime.Object, pod *corev1.Pod) string {
	switch o := opts.(type) {
	case *core.PodExecOptions:
		words := make([]string, len(o.Command))
		for i, w := range o.Command {
			words[i] = quoted(w)
		}
		return "exec in container " + container(o.Container, pod) + ": " + strings.Join(words, " ")
	case *core.PodAttachOptions:
		return "attach to container " + container(o.Container, pod)
	case *core.PodPortForwardOptions:
		if len(o.Ports) == 0 {
			return "port-forward" // the client names ports later, within the connection
		}
		return "port-forward to " + strings.Trim(fmt.Sprint(o.Ports), "[]")
	}
	return fmt.Sprintf("%T", opts)
}

// container names the one meant; upstream lets it out only where there is one.
func container(name string, pod *corev1.Pod) string {
	if name == "" && len(pod.Spec.Containers) > 0 {
		return pod.Spec.Containers[0].Name
	}
	return name
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// quoted writes a word of a command as one would type it to a shell.
func quoted(w string) string {
	if plain.MatchString(w) {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

// readLog counts who reads which pod's log.
type readLog struct {
	*podrest.LogREST
	c Config
}

// Get opens the log, and notes it.
func (l readLog) Get(ctx context.Context, name string, opts runtime.Object) (runtime.Object, error) {
	out, err := l.LogREST.Get(ctx, name, opts)
	if err != nil {
		return nil, err
	}
	pod, err := l.c.pod(ctx, name)
	if err != nil {
		return nil, err
	}
	n := tally.Note{Type: events.SessionOpened, Actor: calls.Actor(ctx), Verb: "read the log of", Resource: events.Pods, Status: http.StatusOK,
		Subject: refOf(pod), UID: string(pod.UID)}
	if o, ok := opts.(*core.PodLogOptions); ok {
		n.Reason = "log of container " + container(o.Container, pod)
	}
	l.c.Tally.Add(n)
	return out, nil
}
