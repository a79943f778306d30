package daemon

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"cairn/events"
	"cairn/events/feed"
	"cairn/events/wire"
)

// Client is a Server over HTTP, as events/feed describes it.
type Client struct {
	Base string       // https://HOST:PORT
	Node string       // this node's name
	HTTP *http.Client // with the node's certificate; without a Timeout: streams are long
}

var _ Server = (*Client)(nil)

// callTimeout bounds everything but streams. A report waits for the ledger.
const callTimeout = 30 * time.Second

// streamSilence is how long a stream may say nothing: marks come every 10 s.
const streamSilence = 35 * time.Second

// StatusError is a server's refusal.
type StatusError struct {
	Code    int
	Message string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("server refused (%d): %s", e.Code, e.Message)
}

// Register implements Server.
func (c *Client) Register(ctx context.Context, n feed.NodeInfo) (out feed.Registration, err error) {
	return out, c.call(ctx, http.MethodPost, "/register", nil, n, &out)
}

// Heartbeat implements Server.
func (c *Client) Heartbeat(ctx context.Context, h feed.Heartbeat) (out feed.HeartbeatAnswer, err error) {
	return out, c.call(ctx, http.MethodPost, "/heartbeat", nil, h, &out)
}

// Report implements Server.
func (c *Client) Report(ctx context.Context, r feed.Report) (out feed.ReportAnswer, err error) {
	return out, c.call(ctx, http.MethodPost, "/reports", nil, r, &out)
}

// Pod implements Server.
func (c *Client) Pod(ctx context.Context, namespace, name, uid string, rev events.Revision) (*feed.Bundle, error) {
	var out feed.Bundle
	q := url.Values{"uid": {uid}, "revision": {rev.String()}}
	err := c.call(ctx, http.MethodGet, "/pods/"+url.PathEscape(namespace)+"/"+url.PathEscape(name), q, nil, &out)
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// Assignments implements Server.
func (c *Client) Assignments(ctx context.Context, from events.Offset) iter.Seq2[feed.AssignmentEntry, error] {
	return stream[feed.AssignmentEntry, *feed.AssignmentEntry](ctx, c, "/assignments", from)
}

// VIPs implements Server.
func (c *Client) VIPs(ctx context.Context, from events.Offset) iter.Seq2[feed.VIPEntry, error] {
	return stream[feed.VIPEntry, *feed.VIPEntry](ctx, c, "/vips", from)
}

func (c *Client) request(ctx context.Context, method, path string, q url.Values, body any) (*http.Response, error) {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		in = bytes.NewReader(b)
	}
	u := c.Base + "/cairn/v1/nodes/" + url.PathEscape(c.Node) + path
	if len(q) > 0 {
		u += "?" + q.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, u, in)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", "cairn-node")
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	var st metav1.Status
	if json.Unmarshal(b, &st) != nil || st.Message == "" {
		st.Message = string(bytes.TrimSpace(b[:min(len(b), 300)]))
	}
	return nil, &StatusError{Code: resp.StatusCode, Message: st.Message}
}

func (c *Client) call(ctx context.Context, method, path string, q url.Values, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	resp, err := c.request(ctx, method, path, q, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("read answer to %s %s: %w", method, path, err)
	}
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
	return nil
}

// stream reads frames. A server that says nothing for too long is taken for lost.
func stream[T any, M interface {
	*T
	wire.Message
}](ctx context.Context, c *Client, path string, from events.Offset) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		silence := time.AfterFunc(streamSilence, cancel)
		defer silence.Stop()
		q := url.Values{"from": {strconv.FormatInt(int64(from), 10)}}
		resp, err := c.request(ctx, http.MethodGet, path, q, nil)
		if err != nil {
			yield(none, err)
			return
		}
		defer resp.Body.Close()
		body := bufio.NewReaderSize(resp.Body, 32<<10)
		for {
			var v T
			if err := feed.ReadFrame(body, M(&v)); err != nil {
				yield(none, fmt.Errorf("stream %s ended: %w", path, err))
				return
			}
			silence.Reset(streamSilence)
			if !yield(v, nil) {
				return
			}
		}
	}
}
