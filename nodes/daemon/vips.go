package daemon

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cairn/events/feed"
)

// followVIPs keeps the data plane's services and routes equal to the feed.
// Entries that come together are handed over together. A stream that is lost
// goes on after the last mark; one with a gap begins with everything.
func (d *Daemon) followVIPs(ctx context.Context) {
	table := feed.NewTable()
	d.again(ctx, "services", func(ctx context.Context) error { return d.readVIPs(ctx, table) })
}

// plane is what the data plane is to know.
type plane struct {
	services []*feed.VIP
	peers    []feed.Peer
}

func (d *Daemon) readVIPs(ctx context.Context, table *feed.Table) error {
	dirty := make(chan plane, 1)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	defer func() { cancel(); <-done }()
	go func() {
		defer close(done)
		d.setPlane(ctx, dirty)
	}()
	fresh := true // what is here may not have been set before the last stream was lost
	for e, err := range d.cfg.Server.VIPs(ctx, table.From()) {
		if err != nil {
			return err
		}
		if err := table.Take(&e); err != nil {
			return err
		}
		if fresh = fresh || !e.Mark; e.Mark && fresh {
			fresh = false
			replaceLatest(dirty, plane{table.Services(), d.others(table.Peers())})
		}
	}
	return fmt.Errorf("the server closed the stream")
}

// others leaves this node out.
func (d *Daemon) others(all []feed.Peer) []feed.Peer {
	return slices.DeleteFunc(slices.Clone(all), func(p feed.Peer) bool { return p.Name == d.cfg.Info.Name })
}

// replaceLatest puts v into a channel of one place, in place of what waits.
func replaceLatest[T any](c chan T, v T) {
	select {
	case <-c:
	default:
	}
	c <- v
}

func (d *Daemon) setPlane(ctx context.Context, dirty chan plane) {
	again := d.retry("services", 50*time.Millisecond, 5*time.Second)
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-dirty:
			for again.reset(); ; {
				err := d.cfg.Network.SetPeers(ctx, p.peers)
				if err == nil {
					err = d.cfg.Network.SetServices(ctx, p.services)
				}
				if err == nil || ctx.Err() != nil {
					break
				}
				d.cfg.Log.Error("set services and routes to other nodes: trying again", "err", err)
				d.pause(ctx, again.next())
				select {
				case p = <-dirty:
				default:
				}
			}
		}
	}
}
