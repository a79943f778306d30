package serve

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"cairn/events"
	"cairn/projections/apiserver/gates"
)

// activate asks for gates as an administrator.
func (c *cell) activate(method, query string, want int) (r gates.Report, said string) {
	c.t.Helper()
	return c.gates("alice", []string{"system:masters"}, method, query, want)
}

func (c *cell) gates(user string, groups []string, method, query string, want int) (r gates.Report, said string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, "https://"+c.server.Addr()+gates.Path+query, nil)
	must(c.t, err)
	resp, err := c.http(user, groups...).Do(req)
	must(c.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(c.t, err)
	if resp.StatusCode != want {
		c.t.Errorf("%s %s%s: %s %s", method, gates.Path, query, resp.Status, b)
	}
	json.Unmarshal(b, &r) //nolint:errcheck // a refusal is no report
	return r, string(b)
}

func TestAGateWaitsForEveryServer(t *testing.T) {
	c := newCellAt(t, events.GateFirst)
	_, err := c.view.Write(t.Context(), &events.Event{ID: events.ID(uuid.Must(uuid.NewV7())), Type: events.ServerRegistered,
		Subject: events.Ref{Kind: events.Servers, Name: "old"}, Facts: events.Facts{Server: &events.Server{Supports: events.GateFirst, Version: "v0"}}})
	must(t, err)
	plan, _ := c.activate("GET", "", 200)
	if said := fmt.Sprint(plan); said != "{first session-ends false 0 [{old first v0 true} {s1 session-ends "+Version+" false}]}" {
		t.Errorf("the plan: %s", said)
	}
	before := c.view.Position()
	if _, said := c.activate("POST", "?to=session-ends", 409); !strings.Contains(said, "server old knows only up to gate first") {
		t.Errorf("refused with %s", said)
	}
	if at := c.view.Position(); at.Gate != events.GateFirst || at.Offset != before.Offset+1 {
		t.Errorf("at %d, gate %s", at.Offset, at.Gate)
	}
	c.activate("DELETE", "?server=nobody", 409)
	c.activate("DELETE", "?server=old", 200)
	if r, _ := c.activate("POST", "", 200); !r.Done || r.Offset != c.view.Position().Offset || len(r.Servers) != 1 {
		t.Errorf("activated: %+v", r)
	}
	if r, _ := c.activate("POST", "", 200); !r.Done || r.Offset != 0 {
		t.Errorf("again: %+v", r)
	}
	c.activate("POST", "?to=none", 400)
}

func TestOnlyAdministratorsActivate(t *testing.T) {
	c := newCellAt(t, events.GateFirst)
	bindRole(t, c.admin(), "bob", "system:cairn:reader")
	c.gates("bob", nil, "GET", "", 200)
	c.gates("bob", nil, "POST", "", 403)
	c.gates("eve", nil, "GET", "", 403)
	if g := c.view.Position().Gate; g != events.GateFirst {
		t.Errorf("gate %s is active", g)
	}
}
