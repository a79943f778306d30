package feed

import (
	"cairn/events"
	"cairn/events/wire"
)

// Assignment is the key NAMESPACE/NAME/UID of a pod placed on a node. The node
// fetches the pod from a server as of Revision.
type Assignment struct {
	Namespace, Name, UID string
	Epoch                uint64          // placement of that pod; a report names it
	Registration         events.Offset   // the node's registration it was placed at
	Revision             events.Revision // the pod's revision to fetch
	Digest               string          // hex SHA-256 of the pod's spec part: changes when there is something to fetch anew
	Address              string          // pod IP, assigned by the fold; of the node for host network
	Deleting             int64           // deletion time, Unix seconds; 0: to run
	Grace                int64           // seconds, with Deleting
	Why                  string          // who asked for the deletion, for the pod's story
	Finished             bool            // it succeeded or failed and its sandbox is gone: only its logs are kept
}

// AssignmentEntry is one entry of the assignments feed: an assignment, its
// end (a Key alone), or a mark.
type AssignmentEntry struct {
	Offset events.Offset // ledger offset it derives from
	Key    string        // NAMESPACE/NAME/UID; empty: a mark
	Mark   bool          // verified through Offset
	Pod    *Assignment   // nil with a Key: gone, remove what is left of it
}

func (e *AssignmentEntry) Fields(w *wire.Codec) {
	offset(w, 1, &e.Offset)
	w.Str(2, &e.Key)
	w.Bool(3, &e.Mark)
	wire.Optional(w, 4, &e.Pod)
}

func (a *Assignment) Fields(w *wire.Codec) {
	w.Str(1, &a.Namespace)
	w.Str(2, &a.Name)
	w.Str(3, &a.UID)
	w.Uint(4, &a.Epoch)
	offset(w, 5, &a.Registration)
	w.Uint(6, (*uint64)(&a.Revision))
	w.Str(7, &a.Digest)
	w.Str(8, &a.Address)
	w.Int(9, &a.Deleting)
	w.Int(10, &a.Grace)
	w.Str(11, &a.Why)
	w.Bool(12, &a.Finished)
}

// offset writes an offset plus one, so that NoOffset is the default.
func offset(w *wire.Codec, num wire.Number, o *events.Offset) {
	v := uint64(*o + 1)
	if w.Reading() {
		v = 0
	}
	w.Uint(num, &v)
	if w.Reading() { // what is only written may be shared
		*o = events.Offset(v) - 1
	}
}
