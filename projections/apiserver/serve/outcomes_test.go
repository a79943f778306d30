package serve

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"cairn/events"
	"cairn/events/ledger"
	"cairn/projections/fold"
	"cairn/projections/follower"
)

// faulty is a cell whose writes to some names end otherwise.
type faulty struct {
	follower.Cell
	codes  map[string]fold.Code
	errors map[string]error
}

func (f *faulty) Write(ctx context.Context, e *events.Event) (follower.Written, error) {
	if err := f.errors[e.Subject.Name]; err != nil {
		return follower.Written{}, err
	}
	if code, ok := f.codes[e.Subject.Name]; ok {
		return follower.Written{Offset: 77, Outcome: fold.Outcome{Code: code, Reason: fold.NoObject, Args: []string{"it"}, Field: "data"}}, nil
	}
	return f.Cell.Write(ctx, e)
}

func TestEachOutcomeHasItsStatus(t *testing.T) {
	c := newCell(t)
	f := &faulty{Cell: c.view, codes: map[string]fold.Code{}, errors: map[string]error{
		"unknown": fmt.Errorf("cut off: %w", ledger.ErrUnknown), "full": ledger.ErrFull, "away": ledger.ErrUnreachable, "large": ledger.ErrTooLarge}}
	for code := fold.Malformed; code <= fold.Unsupported; code++ {
		f.codes["code-"+strings.ReplaceAll(code.String(), " ", "-")] = code
	}
	c.startOver(f)
	maps := c.admin().CoreV1().ConfigMaps("default")
	for name, want := range map[string]int32{
		"unknown": 504, "full": 507, "away": 503, "large": 413, "code-exists": 409, "code-moved": 409, "code-invalid": 422, "code-terminating": 403,
		"code-quota": 403, "code-unplaceable": 409, "code-budget": 429, "code-not-found": 404, "code-malformed": 500, "code-fault": 500, "code-expired": 500,
	} {
		// Once: a client would wait and retry a 429.
		err := c.admin().CoreV1().RESTClient().Post().Namespace("default").Resource("configmaps").MaxRetries(0).Body(configMap(name, "1")).Do(t.Context()).Error()
		var status apierrors.APIStatus
		if !errors.As(err, &status) || status.Status().Code != want {
			t.Errorf("%s: %v, want %d", name, err, want)
		}
		if name == "unknown" && !strings.Contains(err.Error(), "record 0") {
			t.Errorf("it does not name the record: %v", err)
		}
	}
	if _, err := maps.Get(t.Context(), "unknown", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Error(err)
	}
}

func TestTwoServersServeOneCell(t *testing.T) {
	c := newCell(t)
	first := c.admin().CoreV1().ConfigMaps("default")
	_, err := first.Create(t.Context(), configMap("a", "1"), metav1.CreateOptions{})
	must(t, err)
	c.name = "s2"
	c.start()
	second := c.admin().CoreV1().ConfigMaps("default")
	var both sync.WaitGroup
	for i := range 2 {
		both.Go(func() {
			maps := first
			if i == 1 {
				maps = second
			}
			for n := range 25 {
				patch := fmt.Sprintf(`{"data":{"k%d-%d":"v"}}`, i, n)
				if _, err := maps.Patch(t.Context(), "a", types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
					t.Errorf("server %d: %v", i, err)
				}
			}
		})
	}
	both.Wait()
	m, err := first.Get(t.Context(), "a", metav1.GetOptions{})
	if err != nil || len(m.Data) != 51 {
		t.Errorf("%d keys of 51 (%v)", len(m.Data), err)
	}
}
