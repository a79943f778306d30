package history

import (
	"errors"
	"testing"
	"time"

	"cairn/events"
)

func TestParseWhen(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]When{
		"":                     {Text: "now", Now: true},
		"now":                  {Text: "now", Now: true},
		"0":                    {Text: "0", ByOffset: true},
		"812":                  {Text: "812", Offset: 812, ByOffset: true},
		"rv:4194304":           {Text: "rv:4194304", Revision: 4194304},
		"2026-03-04T11:00:00Z": {Text: "2026-03-04T11:00:00Z", Time: now.Add(-time.Hour)},
		"5m":                   {Text: "5m", Time: now.Add(-5 * time.Minute)},
		"1h30m":                {Text: "1h30m", Time: now.Add(-90 * time.Minute)},
		"2d":                   {Text: "2d", Time: now.Add(-48 * time.Hour)},
		"1d2h":                 {Text: "1d2h", Time: now.Add(-26 * time.Hour)},
	} {
		got, err := ParseWhen(text, now)
		if err != nil || got.Text != want.Text || got.Now != want.Now || got.Offset != want.Offset ||
			got.ByOffset != want.ByOffset || got.Revision != want.Revision || !got.Time.Equal(want.Time) {
			t.Errorf("ParseWhen(%q) = %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"-1", "yesterday", "rv:", "rv:x", "rv:0", "-5m", "5", "2026-03-04", "1dx", "m"} {
		if text == "5" { // an offset, not five of anything
			continue
		}
		if _, err := ParseWhen(text, now); !errors.Is(err, ErrWhen) {
			t.Errorf("ParseWhen(%q): %v; want ErrWhen", text, err)
		}
	}
}

func TestParseRef(t *testing.T) {
	for text, want := range map[string]events.Ref{
		"po/web-1":            {Kind: events.Pods, Namespace: "shop", Name: "web-1"},
		"pod/web-1":           {Kind: events.Pods, Namespace: "shop", Name: "web-1"},
		"deploy/web":          {Kind: events.Deployments, Namespace: "shop", Name: "web"},
		"deployments.apps/w":  {Kind: events.Deployments, Namespace: "shop", Name: "w"},
		"ReplicaSet/w":        {Kind: events.ReplicaSets, Namespace: "shop", Name: "w"},
		"ns/shop":             {Kind: events.Namespaces, Name: "shop"},
		"no/n1":               {Kind: events.Nodes, Name: "n1"},
		"ep/redis":            {Kind: events.Endpoints, Namespace: "shop", Name: "redis"},
		"sa/default":          {Kind: events.ServiceAccounts, Namespace: "shop", Name: "default"},
		"clusterroles/view":   {Kind: "clusterroles.rbac.authorization.k8s.io", Name: "view"},
		"endpointslice/web-x": {Kind: events.EndpointSlices, Namespace: "shop", Name: "web-x"},
	} {
		if got, err := ParseRef(text, "shop"); err != nil || got != want {
			t.Errorf("ParseRef(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "po", "po/", "/x", "gizmo/x", "po/a/b", "pods.apps/x"} {
		if got, err := ParseRef(text, "shop"); !errors.Is(err, ErrName) {
			t.Errorf("ParseRef(%q) = %v, %v; want ErrName", text, got, err)
		}
	}
	if got := Short(events.Ref{Kind: events.Deployments, Namespace: "shop", Name: "web"}); got != "deployment/web" {
		t.Errorf("Short: %q", got)
	}
	if got := Say(events.Ref{Kind: events.ReplicaSets, Namespace: "shop", Name: "web"}); got != "replica set web in shop" {
		t.Errorf("Say: %q", got)
	}
}
