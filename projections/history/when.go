package history

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cairn/events"
	"cairn/projections/view"
)

// When is a moment as a person writes it. Exactly one way of saying it is set.
type When struct {
	Text     string
	Now      bool
	Offset   events.Offset // with ByOffset
	ByOffset bool
	Revision events.Revision // rv:N; 0: not said this way
	Time     time.Time       // RFC 3339, or now minus a duration; zero: not said this way
}

// Moment is a When resolved: as of the whole record at Offset.
type Moment struct {
	When     string          `json:"when"`
	Offset   events.Offset   `json:"offset"`
	Revision events.Revision `json:"revision"` // the record's last possible one
	Time     time.Time       `json:"time"`     // ledger time of that record
}

// ErrWhen is wrapped by every refusal of a WHEN: its text says what to write.
var ErrWhen = errors.New("no such moment")

// ParseWhen reads WHEN: an offset (812), rv:N, an RFC 3339 time, a time ago
// (90s, 5m, 1h30m, 2d), or "now". Times ago count back from now.
func ParseWhen(text string, now time.Time) (When, error) {
	w := When{Text: text}
	switch {
	case text == "" || text == "now":
		w.Text, w.Now = "now", true
		return w, nil
	case strings.HasPrefix(text, "rv:"):
		n, err := strconv.ParseUint(text[3:], 10, 64)
		if err != nil || n == 0 {
			return w, whenError(text)
		}
		w.Revision = events.Revision(n)
		return w, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		if n < 0 {
			return w, whenError(text)
		}
		w.Offset, w.ByOffset = events.Offset(n), true
		return w, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		w.Time = t
		return w, nil
	}
	d, err := ago(text)
	if err != nil {
		return w, whenError(text)
	}
	w.Time = now.Add(-d)
	return w, nil
}

// ago reads a duration as Go writes it, and days.
func ago(text string) (time.Duration, error) {
	if days, rest, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 {
			return 0, ErrWhen
		}
		d := time.Duration(n) * 24 * time.Hour
		if rest == "" {
			return d, nil
		}
		more, err := time.ParseDuration(rest)
		if err != nil || more < 0 {
			return 0, ErrWhen
		}
		return d + more, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, ErrWhen
	}
	return d, nil
}

func whenError(text string) error {
	return fmt.Errorf("%w: %q; write an offset (812), rv:N, a time (2026-01-02T15:04:05Z) or a time ago (5m, 2h, 3d)", ErrWhen, text)
}

// Resolve finds the record that w means. Its error wraps ErrWhen where w lies
// before the first record or beyond the last.
func Resolve(reads view.Reads, w When) (Moment, error) {
	pos := reads.Position()
	if pos.Offset == events.NoOffset {
		return Moment{}, fmt.Errorf("%w: %s: this cell has no records yet", ErrWhen, w.Text)
	}
	at := pos.Offset
	switch {
	case w.ByOffset:
		at = w.Offset
	case w.Revision != 0:
		at = w.Revision.Offset(pos.R0)
		if at == events.NoOffset {
			return Moment{}, fmt.Errorf("%w: %s lies before this incarnation's first record", ErrWhen, w.Text)
		}
	case !w.Time.IsZero():
		var err error
		at, err = reads.OffsetAt(w.Time.UnixNano())
		if err != nil {
			return Moment{}, err
		}
		if at == events.NoOffset {
			return Moment{}, fmt.Errorf("%w: %s is before this cell's first record (offset 0)", ErrWhen, w.Time.UTC().Format(time.RFC3339))
		}
	}
	if at > pos.Offset {
		return Moment{}, fmt.Errorf("%w: %s is beyond the last record, %d", ErrWhen, w.Text, pos.Offset)
	}
	rec, err := reads.Record(at)
	if err != nil {
		return Moment{}, fmt.Errorf("read record %d: %w", at, err)
	}
	return Moment{
		When: w.Text, Offset: at, Time: time.Unix(0, rec.Time).UTC(),
		Revision: events.RevisionOf(pos.R0, at, events.MaxOrdinal),
	}, nil
}
