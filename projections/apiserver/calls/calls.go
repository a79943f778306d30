package calls

import (
	"context"
	"strings"
	"sync/atomic"

	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/request"

	"cairn/events"
)

// System is the user as whom the server itself acts; records name it cairn.
const System = "system:cairn"

// ReconcilerPrefix starts the user names of reconcilers.
const ReconcilerPrefix = "system:cairn:reconciler:"

const (
	serviceAccountPrefix = "system:serviceaccount:"
	nodePrefix           = "system:node:"
	nodesGroup           = "system:nodes"
)

// Call is one request.
type Call struct {
	Address string          // client's IP address, empty in process
	Agent   string          // client's User-Agent
	Causes  []events.Offset // given by engines in process
	Reason  string
	Trusted user.Info       // identity of an in-process caller; nil: to be authenticated
	At      events.Revision // the moment to read; 0: now
	// Streams is set where the answer may be a list that is read while it is
	// encoded: the client wants the objects themselves, not a table of them.
	Streams bool
	// Authenticated is who really calls where the request impersonates another.
	Authenticated string
	// Appended is set once a record of this call reached the ledger: its
	// refusal is on record already.
	Appended atomic.Bool
	// OverBudget is set where a record was refused because its user appends too
	// much.
	OverBudget atomic.Bool
	// Subject is what a write turned out to be about: a create's path names
	// nothing, and its body may leave the name to the server.
	Subject atomic.Pointer[events.Ref]
}

type key struct{}

// With returns a context that carries c.
func With(ctx context.Context, c *Call) context.Context { return context.WithValue(ctx, key{}, c) }

// From returns the call of ctx; an empty one where there is none.
func From(ctx context.Context) *Call {
	if c, ok := ctx.Value(key{}).(*Call); ok {
		return c
	}
	return &Call{}
}

// Actor names who makes the request of ctx, for its record.
func Actor(ctx context.Context) events.Actor {
	c := From(ctx)
	a := events.Actor{Address: c.Address, Agent: c.Agent}
	u, ok := request.UserFrom(ctx)
	if !ok || u.GetName() == System || u.GetName() == user.APIServerUser {
		return a // the server itself
	}
	a.User, a.Groups = u.GetName(), u.GetGroups()
	if c.Authenticated != "" && c.Authenticated != a.User {
		a.User = c.Authenticated + " as " + a.User // a person, whoever they act as
		return a
	}
	switch {
	case strings.HasPrefix(a.User, ReconcilerPrefix):
		a.Reconciler = strings.TrimPrefix(a.User, ReconcilerPrefix)
	case strings.HasPrefix(a.User, serviceAccountPrefix):
		a.ServiceAccount = strings.Replace(strings.TrimPrefix(a.User, serviceAccountPrefix), ":", "/", 1)
	case strings.HasPrefix(a.User, nodePrefix) && contains(a.Groups, nodesGroup):
		a.Node = strings.TrimPrefix(a.User, nodePrefix)
	}
	return a
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}
