package history

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cairn/events"
	"cairn/projections/view"
)

// Bounds of a story; what is left out is said.
const (
	ownSteps   = 200 // of the object itself, the latest
	chainDepth = 16  // causes of causes
	chainSteps = 100
	aheadSteps = 2000 // records searched for what a record led to
)

// Story tells why an object is as it is, or what became of a record.
type Story struct {
	Subject  string   `json:"subject"`
	Exists   bool     `json:"exists"`
	Chain    []*Entry `json:"chain"`             // what led to it, oldest first: from the person on
	Steps    []*Entry `json:"steps"`             // what happened to it, oldest first
	LedTo    []*Entry `json:"ledTo,omitempty"`   // of a record: what was done because of it
	Omitted  int      `json:"omitted,omitempty"` // earlier steps left out
	Now      []string `json:"now"`               // why it is as it is, in sentences
	Children []string `json:"children,omitempty"`
}

// Tell tells an object's story up to now; view.ErrNotFound where no record
// ever spoke of it.
func Tell(ctx context.Context, src Source, ref events.Ref) (*Story, error) {
	end := src.Position().Offset + 1
	touching, err := src.Touching(ref, 0, end, 0)
	if err != nil {
		return nil, err
	}
	if len(touching) == 0 {
		return nil, absent("no record speaks of " + Say(ref) + ": see that name and namespace are right (-n)")
	}
	s := &Story{Subject: Say(ref)}
	if cut := len(touching) - ownSteps; cut > 0 {
		// The first record is the one that leads back to a person: keep it.
		s.Omitted = cut
		touching = append([]events.Offset{touching[0]}, touching[cut+1:]...)
	}
	seen := make(map[events.Offset]bool)
	for _, o := range touching {
		entry, err := Describe(ctx, src, o)
		if err != nil {
			return nil, err
		}
		if entry.Subject != ref || noise(entry) {
			continue
		}
		seen[o] = true
		s.Steps = append(s.Steps, entry)
	}
	if s.Chain, err = chain(ctx, src, s.Steps, seen); err != nil {
		return nil, err
	}
	return s, s.present(src, ref)
}

// absent is an answer about what never was; it is a view.ErrNotFound.
type absent string

func (a absent) Error() string        { return string(a) }
func (a absent) Is(target error) bool { return target == view.ErrNotFound }

// noise reports whether a record says nothing that a person would ask about.
func noise(e *Entry) bool {
	if !e.Accepted {
		return false
	}
	return e.Type == events.PastRead || e.Type == events.StatusUpdated
}

// chain collects the causes of steps, and theirs, oldest first.
func chain(ctx context.Context, src Source, steps []*Entry, seen map[events.Offset]bool) ([]*Entry, error) {
	var out []*Entry
	for depth := 0; depth < chainDepth && len(out) < chainSteps; depth++ {
		var causes []*Entry
		for _, step := range steps {
			for _, o := range step.Cause {
				if seen[o] || o >= step.Offset {
					continue
				}
				seen[o] = true
				entry, err := Describe(ctx, src, o)
				if err != nil {
					return nil, err
				}
				causes = append(causes, entry)
			}
		}
		if len(causes) == 0 {
			break
		}
		out, steps = append(out, causes...), causes
	}
	slices.SortFunc(out, func(a, b *Entry) int { return int(a.Offset - b.Offset) })
	return out, nil
}

// TellRecord tells the story of one record: what led to it, what it did, and
// what was done because of it.
func TellRecord(ctx context.Context, src Source, o events.Offset) (*Story, error) {
	entry, err := Describe(ctx, src, o)
	if err != nil {
		if errors.Is(err, view.ErrNotFound) {
			err = absent(fmt.Sprintf("there is no record %d: the last one is %d", o, src.Position().Offset))
		}
		return nil, err
	}
	s := &Story{Subject: fmt.Sprintf("record %d", o), Exists: true, Steps: []*Entry{entry}}
	if s.Chain, err = chain(ctx, src, s.Steps, map[events.Offset]bool{o: true}); err != nil {
		return nil, err
	}
	for _, ref := range entry.Changed {
		s.Now = append(s.Now, "it changed "+Say(ref))
	}
	if len(entry.Changed) == 0 {
		s.Now = append(s.Now, "it changed nothing")
	}
	last := min(src.Position().Offset, o+aheadSteps)
	for next := o + 1; next <= last && len(s.LedTo) < ownSteps; next++ {
		ev, err := src.Event(ctx, next)
		if err != nil || !slices.Contains(ev.Cause, o) {
			continue
		}
		led, err := Describe(ctx, src, next)
		if err != nil {
			return nil, err
		}
		s.LedTo = append(s.LedTo, led)
	}
	return s, nil
}
