package admission

import (
	"sync"

	"cairn/events"
	"cairn/projections/kinds"
)

// lastMost bounds the objects that a lastRead keeps.
const lastMost = 1024

// lastRead keeps objects of a kind for as long as nothing of that kind changes:
// every create asks for its namespace, and namespaces hardly ever change. What
// it answers may be older than the view by what the engine has not noticed yet;
// the fold looks at the namespace again.
//
// Invariant: of holds what was read when, or after, at was the kind's latest
// change, and is empty once that is another.
type lastRead struct {
	mu sync.Mutex
	at events.Revision
	of map[string]kinds.Object
}

func (l *lastRead) get(key string, at events.Revision) kinds.Object {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at != at {
		return nil
	}
	return l.of[key]
}

func (l *lastRead) put(key string, at events.Revision, o kinds.Object) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at < l.at {
		return
	}
	if l.at != at || len(l.of) >= lastMost || l.of == nil {
		l.at, l.of = at, map[string]kinds.Object{}
	}
	l.of[key] = o
}
