package storage

import (
	"context"
	"fmt"
	"math"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/request"

	"cairn/projections/apiserver/budget"
	"cairn/projections/apiserver/calls"
)

// mastersTimes is how much wider the budget of those who may do everything is:
// they restore and migrate.
const mastersTimes = 10

// budgets are what people and service accounts may append.
type budgets struct{ everyone, masters *budget.Budget }

// Limit bounds what each user may append from now on. It is called before the
// engine is used.
func (e *Engine) Limit(l budget.Limits) {
	e.budgets = &budgets{everyone: budget.New(l), masters: budget.New(l.Times(mastersTimes))}
}

// spend takes a record from the budget of whoever really makes the request of
// ctx. Reconcilers and the server itself act in process and are not bounded,
// nodes neither: their records follow from others'.
func (e *Engine) spend(ctx context.Context) error {
	u, ok := request.UserFrom(ctx)
	c := calls.From(ctx)
	if !ok || e.budgets == nil || c.Trusted != nil {
		return nil
	}
	name, b := u.GetName(), e.budgets.everyone
	switch {
	case c.Authenticated != "" && c.Authenticated != name:
		name = c.Authenticated // whoever they act as, and without that one's rights
	case slices.Contains(u.GetGroups(), user.NodesGroup):
		return nil
	case slices.Contains(u.GetGroups(), user.SystemPrivilegedGroup):
		b = e.budgets.masters
	}
	wait := b.Spend(name, e.now())
	if wait == 0 {
		return nil
	}
	l := b.Limits()
	c.OverBudget.Store(true)
	return apierrors.NewTooManyRequests(fmt.Sprintf("%s appends more than %g records a second to the ledger, after a burst of %d: slow down, and try again later",
		name, l.Rate, l.Burst), int(math.Ceil(wait.Seconds())))
}
