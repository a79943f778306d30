package history

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"cairn/events"
	"cairn/projections/view"
)

// Query selects records.
type Query struct {
	Since, Until events.Offset // inclusive; Until NoOffset: the end
	Namespace    string        // of subjects; empty: all
	Type         string        // a type, or its first part: pod, container; empty: all
	Outcome      string        // accepted, refused, a code's name, or empty: all
	Ref          events.Ref    // zero: all
	Follow       bool
}

// ErrQuery is wrapped by refusals of a query's values.
var ErrQuery = errors.New("cannot read the query")

// readQuery reads a query from a URL's values; the names are those of the flags.
func readQuery(reads view.Reads, v url.Values, now time.Time) (Query, error) {
	q := Query{Until: events.NoOffset, Namespace: v.Get("namespace"), Type: v.Get("type"), Outcome: v.Get("outcome"), Follow: v.Get("follow") == "true"}
	if s := v.Get("since"); s != "" {
		w, err := ParseWhen(s, now)
		if err != nil {
			return q, err
		}
		m, err := Resolve(reads, w)
		switch {
		case err == nil:
			q.Since = m.Offset
		case !w.Time.IsZero() && errors.Is(err, ErrWhen): // before the first record: from the first on
		default:
			return q, err
		}
		if err == nil && !w.Time.IsZero() {
			q.Since++ // the last record at or before that time lies before it
		}
	}
	if s := v.Get("until"); s != "" {
		w, err := ParseWhen(s, now)
		if err != nil {
			return q, err
		}
		m, err := Resolve(reads, w)
		if err != nil {
			return q, err
		}
		q.Until = m.Offset
	}
	if s := v.Get("object"); s != "" {
		ref, err := ParseRef(s, first(q.Namespace, "default"))
		if err != nil {
			return q, err
		}
		q.Ref, q.Namespace = ref, ""
	}
	if s := q.Outcome; s != "" && s != "accepted" && s != "refused" && !knownCode(s) {
		return q, fmt.Errorf("%w: outcome %q; write accepted, refused, or a reason such as moved or exists", ErrQuery, s)
	}
	return q, nil
}

func knownCode(name string) bool {
	for c := (view.Outcome{}).Code; c.String() != "unknown"; c++ {
		if c.String() == name {
			return true
		}
	}
	return false
}

// refused reports whether a record is of something that was refused: by the fold,
// or by a server before it became a record of its own.
func refused(rec *view.Record) bool {
	return !rec.Outcome.Accepted() || rec.Type == events.RequestRefused
}

// match reports whether a record is wanted.
func (q *Query) match(rec *view.Record) bool {
	if q.Namespace != "" && rec.Subject.Namespace != q.Namespace {
		return false
	}
	if q.Ref != (events.Ref{}) && rec.Subject != q.Ref {
		return false
	}
	if t := string(rec.Type); q.Type != "" && t != q.Type && !strings.HasPrefix(t, q.Type+".") {
		return false
	}
	switch q.Outcome {
	case "":
		return true
	case "accepted":
		return !refused(rec)
	case "refused":
		return refused(rec)
	}
	return rec.Outcome.Code.String() == q.Outcome
}

// Select calls emit for every record that q wants, in order; with Follow it
// goes on until ctx ends, and then returns nil.
func Select(ctx context.Context, src Source, q Query, emit func(*Entry) error) error {
	src = inOrder(src)
	for next := q.Since; ; {
		end := src.Position().Offset
		if q.Until != events.NoOffset {
			end = min(end, q.Until)
		}
		for ; next <= end; next++ {
			if ctx.Err() != nil {
				return nil
			}
			rec, err := src.Record(next)
			if err != nil {
				return err
			}
			if !q.match(rec) {
				continue
			}
			entry, err := describe(ctx, src, rec)
			if err != nil {
				return err
			}
			if err := emit(entry); err != nil {
				return err
			}
		}
		if !q.Follow || q.Until != events.NoOffset && next > q.Until {
			return nil
		}
		if err := src.Wait(ctx, next); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}
