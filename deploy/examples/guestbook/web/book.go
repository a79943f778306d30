package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"
)

const (
	maxEntries  = 100             // kept in Redis; the oldest go first
	redisWithin = 2 * time.Second // for a whole exchange, name lookup included
)

// entry is one message of the guestbook, as JSON in a Redis list.
type entry struct {
	Name    string    `json:"name"`
	Message string    `json:"message"`
	Time    time.Time `json:"time"` // UTC, whole seconds
	Via     string    `json:"via"`  // the replica that took it
}

// book is the guestbook in Redis: one list, the newest entry first.
type book struct {
	addr string // host:port
	key  string
}

// list returns the entries, newest first; never nil, so that JSON says [].
func (b book) list(ctx context.Context) ([]entry, error) {
	reply, err := b.do(ctx, []string{"LRANGE", b.key, "0", fmt.Sprint(maxEntries - 1)})
	if err != nil {
		return nil, err
	}
	items, ok := reply[0].([]any)
	if !ok {
		return nil, fmt.Errorf("redis at %s answered LRANGE with %T, not a list: is REDIS_KEY used for something else?", b.addr, reply[0])
	}
	entries := make([]entry, 0, len(items))
	for _, item := range items {
		text, _ := item.(string)
		var e entry
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			// Somebody else's element: show it as it is rather than lose it.
			e = entry{Name: "?", Message: text}
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// add puts the entry first and cuts the list to maxEntries.
func (b book) add(ctx context.Context, e entry) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = b.do(ctx, []string{"LPUSH", b.key, string(text)}, []string{"LTRIM", b.key, "0", fmt.Sprint(maxEntries - 1)})
	return err
}

func (b book) ping(ctx context.Context) error {
	_, err := b.do(ctx, []string{"PING"})
	return err
}

// do sends the commands in one go over a connection of its own and returns a
// reply for each. Redis' own error on any of them is returned as the error.
func (b book) do(ctx context.Context, commands ...[]string) ([]any, error) {
	ctx, cancel := context.WithTimeout(ctx, redisWithin)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", b.addr)
	if err != nil {
		return nil, fmt.Errorf("redis does not answer (see its pods with: kubectl get pods -l app=redis): %w", err)
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	replies, err := exchange(conn, commands)
	var refused redisError
	if err != nil && !errors.As(err, &refused) {
		return nil, fmt.Errorf("redis at %s broke off: %w", b.addr, err)
	}
	return replies, err
}
