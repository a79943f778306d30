package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cairn/events"
	"cairn/events/feed"
)

// TestTheClientSpeaksThePathsOfTheFeed holds the client against a server that
// answers as events/feed's doc.go says, over HTTP/2.
func TestTheClientSpeaksThePathsOfTheFeed(t *testing.T) {
	var asked []string
	mux := http.NewServeMux()
	answer := func(pattern string, v any) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Proto+" "+r.URL.String())
			_ = json.NewEncoder(w).Encode(v)
		})
	}
	answer("POST /cairn/v1/nodes/n1/register", feed.Registration{Offset: 7, Cell: "c"})
	answer("POST /cairn/v1/nodes/n1/heartbeat", feed.HeartbeatAnswer{Current: true})
	answer("POST /cairn/v1/nodes/n1/reports", feed.ReportAnswer{Accepted: true, Offset: 9})
	answer("GET /cairn/v1/nodes/n1/pods/shop/web", feed.Bundle{Token: "t"})
	mux.HandleFunc("GET /cairn/v1/nodes/n1/assignments", func(w http.ResponseWriter, r *http.Request) {
		b := feed.AppendFrame(nil, &feed.AssignmentEntry{Offset: 5, Key: "shop/web/u1", Pod: &feed.Assignment{Name: "web"}})
		_, _ = w.Write(feed.AppendFrame(b, &feed.AssignmentEntry{Offset: 6, Mark: true}))
	})
	mux.HandleFunc("GET /cairn/v1/nodes/n1/vips", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"kind":"Status","message":"node n2 may not read this"}`))
	})
	srv := httptest.NewUnstartedServer(mux)
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	c := &Client{Base: srv.URL, Node: "n1", HTTP: srv.Client()}
	ctx := context.Background()
	if r, err := c.Register(ctx, feed.NodeInfo{Name: "n1"}); err != nil || r.Offset != 7 {
		t.Errorf("register: %+v, %v", r, err)
	}
	if a, err := c.Heartbeat(ctx, feed.Heartbeat{}); err != nil || !a.Current {
		t.Errorf("heartbeat: %+v, %v", a, err)
	}
	if a, err := c.Report(ctx, feed.Report{Type: events.PodReported}); err != nil || !a.Accepted {
		t.Errorf("report: %+v, %v", a, err)
	}
	if b, err := c.Pod(ctx, "shop", "web", "u1", 33); err != nil || b.Token != "t" {
		t.Errorf("pod: %+v, %v", b, err)
	}
	if got := asked[len(asked)-1]; got != "HTTP/2.0 /cairn/v1/nodes/n1/pods/shop/web?revision=33&uid=u1" {
		t.Errorf("asked %s", got)
	}
	var entries []feed.AssignmentEntry
	var lost error
	for e, err := range c.Assignments(ctx, events.NoOffset) {
		if lost = err; err == nil {
			entries = append(entries, e)
		}
	}
	if len(entries) != 2 || entries[0].Pod.Name != "web" || !entries[1].Mark || lost == nil {
		t.Errorf("entries %+v, then %v", entries, lost)
	}
	for _, err := range c.VIPs(ctx, events.NoOffset) {
		var refused *StatusError
		if !errors.As(err, &refused) || refused.Code != 403 || !strings.Contains(refused.Message, "may not read this") {
			t.Errorf("vips: %v", err)
		}
	}
}
