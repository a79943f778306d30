// Command web is the guestbook's front end: one page that shows what people
// wrote and a form to add to it. It is the example's second program, beside
// Debian's Redis, and it links nothing but the standard library, so that its
// image is one static file.
//
// In: HTTP on LISTEN (default ":8080"), and Redis at REDIS_ADDR (default
// "redis:6379", the Service's name in the pod's own namespace).
// Out: the page at /, the entries as JSON at /entries, readiness at /healthz
// (503 while Redis does not answer a PING), liveness at /livez, one access
// line on stdout for each request.
//
// Promises: a form post answers 303 to the page, and the entry is in Redis by
// then; newest entries come first; what people wrote is escaped; at most
// maxEntries are kept. On SIGTERM it stops being ready, finishes the requests
// it has and exits 0. Nothing is kept in memory: any replica can answer any
// request.
//
// Goroutines: net/http's, and one that waits for the signal. Each request
// dials Redis anew: at a guestbook's pace that costs nothing, and it follows
// the Service to a new pod without any state.
//
// Read first: TestPostThenRead in web_test.go.
package main
