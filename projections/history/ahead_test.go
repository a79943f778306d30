package history

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"cairn/events"
	"cairn/events/ledger"
)

type counted struct {
	ledger.Ledger
	fetches atomic.Int64
}

func (c *counted) Fetch(ctx context.Context, from events.Offset, maxBytes int) ([]ledger.Record, error) {
	c.fetches.Add(1)
	return c.Ledger.Fetch(ctx, from, maxBytes)
}

func TestRecordsReadInOrderAreFetchedTogether(t *testing.T) {
	w := newWorld(t)
	w.write(t, []string{"cell.created", "cells.cairn/test"})
	w.write(t, []string{"object.created", "namespaces/default"})
	for i := range 200 {
		w.write(t, []string{"object.created", fmt.Sprintf("configmaps/default/m%d", i)})
	}
	log := &counted{Ledger: w.log}
	src := From(w.cell, log)
	for _, c := range []struct {
		query      Query
		want, most int
	}{
		{Query{Until: events.NoOffset}, 202, 2},
		{Query{Since: 100, Until: 149}, 50, 2},
		{Query{Until: events.NoOffset, Ref: events.Ref{Kind: "configmaps", Namespace: "default", Name: "m150"}}, 1, 1},
	} {
		log.fetches.Store(0)
		var got []events.Offset
		err := Select(t.Context(), src, c.query, func(e *Entry) error {
			if e.ID == "" || e.Subject.Kind == "" {
				t.Errorf("record %d is shown as %+v", e.Offset, e)
			}
			got = append(got, e.Offset)
			return nil
		})
		if n := int(log.fetches.Load()); err != nil || len(got) != c.want || n > c.most {
			t.Errorf("%+v: %d records by %d fetches, %v; want %d by %d", c.query, len(got), n, err, c.want, c.most)
		}
	}
}
