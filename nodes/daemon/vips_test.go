package daemon

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cairn/events"
	"cairn/events/feed"
	"cairn/nodes/clocktest"
	"cairn/nodes/runtimetest"
	"cairn/nodes/servertest"
)

// scripted is a server whose VIPs streams are told beforehand, one after the other.
type scripted struct {
	*servertest.Server
	streams [][]feed.VIPEntry
	asked   []events.Offset // after which mark each went on
}

func (s *scripted) VIPs(ctx context.Context, from events.Offset) iter.Seq2[feed.VIPEntry, error] {
	return func(yield func(feed.VIPEntry, error) bool) {
		n := len(s.asked)
		s.asked = append(s.asked, from)
		if n < len(s.streams) {
			for _, e := range s.streams[n] {
				if !yield(e, nil) {
					return
				}
			}
		}
		if n >= len(s.streams)-1 { // the last one stays open
			<-ctx.Done()
		}
		yield(feed.VIPEntry{}, errors.New("the stream is lost"))
	}
}

// refusing is a data plane that takes no services until it may.
type refusing struct {
	*runtimetest.Network
	may atomic.Bool
}

func (r *refusing) SetServices(ctx context.Context, all []*feed.VIP) error {
	if !r.may.Load() {
		return errors.New("not now")
	}
	return r.Network.SetServices(ctx, all)
}

func web() *feed.Service {
	return &feed.Service{Address: netip.MustParseAddr("10.96.0.7"), Ports: []feed.Port{{Name: "http", Protocol: "TCP", Port: 80}}}
}

func TestServicesThatCouldNotBeSetAreSetAfterTheStreamWasLost(t *testing.T) {
	inMemory(t, func(t *testing.T, clk *clocktest.Clock) {
		n := newMemoryNode(t, clk, "n1", nil)
		n.stop()
		server := &scripted{Server: n.server, streams: [][]feed.VIPEntry{
			{{Offset: -1, Whole: true}, {Offset: 3, Key: "default/web", Service: web()}, {Offset: 4, Mark: true}},
			{{Offset: 5, Mark: true}}, // nothing changed meanwhile
		}}
		network := &refusing{Network: n.network}
		n.cfg.Server, n.cfg.Network = server, network
		n.start()
		synctest.Wait()
		network.may.Store(true)
		clk.Run(time.Minute, synctest.Wait, func() bool { return false })
		if len(server.asked) != 2 || server.asked[0] != events.NoOffset || server.asked[1] != 4 {
			t.Errorf("streams went on after %v", server.asked)
		}
		if s := n.network.Services(); len(s) != 1 || s[0].Name != "web" {
			t.Errorf("the data plane knows %v", s)
		}
	})
}

func TestAStreamWithAGapIsReadAnewFromTheBeginning(t *testing.T) {
	inMemory(t, func(t *testing.T, clk *clocktest.Clock) {
		n := newMemoryNode(t, clk, "n1", nil)
		n.stop()
		server := &scripted{Server: n.server, streams: [][]feed.VIPEntry{
			{{Offset: -1, Whole: true}, {Offset: 3, Key: "default/web", Service: web()}, {Offset: 4, Mark: true},
				{Offset: 6, Key: "default/web/web-0", Version: 2, Change: &feed.Change{From: 1}}},
			{{Offset: -1, Whole: true}, {Offset: 7, Key: "default/api", Service: web()}, {Offset: 8, Mark: true}},
		}}
		n.cfg.Server = server
		n.start()
		clk.Run(time.Minute, synctest.Wait, func() bool { return false })
		if len(server.asked) != 2 || server.asked[1] != events.NoOffset {
			t.Errorf("streams went on after %v", server.asked)
		}
		if s := n.network.Services(); len(s) != 1 || s[0].Name != "api" {
			t.Errorf("the data plane knows %v", s)
		}
	})
}
