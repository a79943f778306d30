package nodehealth

import "time"

// longestGap is the most that one look counts: a process that slept longer was
// not observing.
const longestGap = 3 * time.Second

// Observer counts for how long nodes have been silent.
//
// Invariant: a node's silence never exceeds the time that the observer was
// connected since it last heard of the node, or since it first looked.
type Observer struct {
	lastHeard func() map[string]time.Time
	heard     map[string]time.Time
	silent    map[string]time.Duration
	looked    time.Time
	connected bool
}

// NewObserver makes an observer of lastHeard: when each node was last heard of,
// on this process's clock. A node that never was is missing there.
func NewObserver(lastHeard func() map[string]time.Time) *Observer {
	return &Observer{lastHeard: lastHeard, heard: map[string]time.Time{}, silent: map[string]time.Duration{}}
}

// Never is the entry for nodes that have not been heard of since the observer began.
const Never = ""

// Silence gives each node's silence; nodes that are missing have that of Never.
// connected says whether this process has been in touch with the cell.
func (o *Observer) Silence(now time.Time, connected bool) map[string]time.Duration {
	var passed time.Duration
	if connected && o.connected && !o.looked.IsZero() {
		passed = max(0, min(now.Sub(o.looked), longestGap))
	}
	o.looked, o.connected = now, connected
	for name := range o.silent {
		o.silent[name] += passed
	}
	if _, ok := o.silent[Never]; !ok {
		o.silent[Never] = 0
	}
	for name, at := range o.lastHeard() {
		if !at.Equal(o.heard[name]) {
			o.heard[name], o.silent[name] = at, 0
		}
	}
	out := make(map[string]time.Duration, len(o.silent))
	for name, d := range o.silent {
		out[name] = d
	}
	return out
}
