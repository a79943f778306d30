package main

import (
	"fmt"
	"net/http"
	"time"
)

// recorder notes the status and the size of an answer for the access log.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += n
	return n, err
}

// logged writes one line for each request: time, peer, request, status, bytes,
// milliseconds. Probes that succeed are left out: they come every second and
// would bury what people did.
func (s *site) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		rec := &recorder{ResponseWriter: w}
		next.ServeHTTP(rec, r)
		probe := r.URL.Path == "/healthz" || r.URL.Path == "/livez"
		if probe && rec.status < http.StatusBadRequest {
			return
		}
		fmt.Fprintf(s.out, "%s %s %q %d %d %.1fms\n", begun.UTC().Format(time.RFC3339), r.RemoteAddr,
			r.Method+" "+r.URL.RequestURI(), rec.status, rec.bytes, float64(time.Since(begun).Microseconds())/1000)
	})
}
