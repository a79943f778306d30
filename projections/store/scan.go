package store

import (
	"bytes"
	"errors"

	"cairn/events"

	"github.com/cockroachdb/pebble/v2"
)

// scan calls fn for rows in [lower, upper), until it says no or fails.
func scan(r pebble.Reader, lower, upper []byte, fn func(key, value []byte) (bool, error)) error {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		var value []byte
		if value, err = it.ValueAndErr(); err != nil {
			break
		}
		var on bool
		if on, err = fn(it.Key(), value); err != nil || !on {
			break
		}
	}
	return errors.Join(err, it.Error(), it.Close())
}

// bounds are a page's part of a space whose keys go on with namespace and name
// after prefix.
func bounds(prefix []byte, namespace string, after events.Ref) (lower, upper []byte) {
	in := func(texts ...string) []byte {
		b := bytes.Clone(prefix)
		for _, t := range texts {
			b = appendText(b, t)
		}
		return b
	}
	lower = prefix
	if namespace != "" {
		lower = in(namespace)
	}
	upper = pastKey(lower)
	if after.Name != "" || after.Namespace != "" {
		if b := pastKey(in(after.Namespace, after.Name)); bytes.Compare(b, lower) > 0 {
			lower = b
		}
	}
	if bytes.Compare(lower, upper) > 0 {
		lower = upper
	}
	return lower, upper
}

// places iterates over keys that end in namespace and name.
type places struct {
	it     *pebble.Iterator
	kind   string
	prefix int
	ref    events.Ref
	ok     bool // ref is one
}

func iterate(r pebble.Reader, kind string, prefix []byte, namespace string, after events.Ref) (*places, error) {
	lower, upper := bounds(prefix, namespace, after)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, err
	}
	p := &places{it: it, kind: kind, prefix: len(prefix)}
	p.take(it.First(), &err)
	return p, err
}

func (p *places) take(ok bool, err *error) {
	if p.ok = ok; ok {
		if p.ref, *err = splitPlace(p.kind, p.it.Key()[p.prefix:]); *err != nil {
			p.ok = false
		}
	}
}

// step goes on to the next, if there was one and nothing failed.
func (p *places) step(err *error) {
	if p.ok && *err == nil {
		p.take(p.it.Next(), err)
	}
}

// live reads the row, of the now space; it is lent until the next step.
func (p *places) live(l *live) error {
	b, err := p.it.ValueAndErr()
	if err != nil {
		return err
	}
	return l.parse(p.ref, b)
}

func (p *places) close() error { return errors.Join(p.it.Error(), p.it.Close()) }
