package reconcile

import (
	"slices"
	"time"

	"cairn/events"
)

// Active reports whether a pod counts as one of its workload's: not done, not ending.
func Active(pod *Object) bool {
	phase := pod.Pod().Phase
	return pod.Facts.Deleting == 0 && phase != events.Succeeded && phase != events.Failed
}

// Ready reports whether a pod serves, as far as is known: its node may be lost.
func Ready(pod *Object) bool {
	st := pod.Pod()
	return st.Ready && !st.Lost
}

// Available reports whether a pod has been ready for minReady seconds at now, and
// else, if it is on its way, when it will have been.
func Available(pod *Object, minReady uint64, now time.Time) (ok bool, due time.Time) {
	if !Ready(pod) {
		return false, time.Time{}
	}
	at := time.Unix(0, pod.Pod().ReadyAt).Add(time.Duration(minReady) * time.Second)
	if minReady == 0 || !now.Before(at) {
		return true, time.Time{}
	}
	return false, at
}

// Matches reports whether labels, sorted by key, satisfy a selector. An empty
// selector matches nothing: in this place a workload without one is a mistake.
func Matches(sel events.Selector, labels []events.Pair) bool {
	for _, r := range sel.Requirements {
		value, has := Label(labels, r.Key)
		ok := false
		switch r.Operator {
		case "In":
			ok = has && slices.Contains(r.Values, value)
		case "NotIn":
			ok = !has || !slices.Contains(r.Values, value)
		case "Exists":
			ok = has
		case "DoesNotExist":
			ok = !has
		}
		if !ok {
			return false
		}
	}
	return len(sel.Requirements) > 0
}

// Label looks a label up.
func Label(labels []events.Pair, key string) (string, bool) {
	for _, l := range labels {
		if l.Key == key {
			return l.Value, true
		}
	}
	return "", false
}

// Causes lists offsets in order, each once, without those before the ledger's
// first and at most eight: the last ones.
func Causes(offsets ...events.Offset) []events.Offset {
	var list []events.Offset
	for _, o := range offsets {
		if o >= 0 && !slices.Contains(list, o) {
			list = append(list, o)
		}
	}
	slices.Sort(list)
	if len(list) > 8 {
		list = list[len(list)-8:]
	}
	return list
}
