// Package past serves the same API as of an earlier moment under /@WHEN/:
// any kubectl, client or dashboard looks at the past by its server URL.
//
// In: requests whose path starts with /@WHEN, WHEN as history.ParseWhen reads
// it (812, rv:N, an RFC 3339 time, 5m). Out: the same requests without the
// prefix, with the moment in their call; storage answers as of then.
//
// Promises: read-only: anything but get, list and watch is refused, and so are
// logs and streams, by name. Today's rights count, and the right to read the
// past besides; each read is recorded, counted per actor and minute.
// The answer's header Cairn-Moment names the record.
//
// No goroutine.
package past
