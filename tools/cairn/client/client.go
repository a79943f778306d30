package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"cairn/projections/history"
	"cairn/tools/cairn/cell"
)

// Client speaks to one server.
type Client struct {
	base string
	http *http.Client
}

// Open makes a client from a kubeconfig; it does not connect yet.
func Open(kubeconfig string) (*Client, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, cell.Refuse("%s cannot be read (%v): start the cell with `cairn up`, which writes it anew", kubeconfig, err)
	}
	return For(cfg)
}

// For makes a client from a configuration that kubectl's flags made.
func For(cfg *rest.Config) (*Client, error) {
	h, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, err
	}
	return &Client{base: strings.TrimSuffix(cfg.Host, "/"), http: h}, nil
}

// ErrDown is wrapped by errors that say that no server answers.
var ErrDown = errors.New("no server answers")

// Stream asks for a path and returns the body of an answer 200.
func (c *Client) Stream(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	return c.do(ctx, http.MethodGet, path, query)
}

func (c *Client) do(ctx context.Context, method, path string, query url.Values) (io.ReadCloser, error) {
	target := c.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) {
			return nil, &cell.Coded{Code: cell.ExitFailed, Err: fmt.Errorf("%w at %s: see `cairn status`, or start the cell with `cairn up`", ErrDown, c.base)}
		}
		return nil, fmt.Errorf("ask %s: %w", c.base, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	return nil, problem(resp)
}

// problem turns an answer that is not 200 into an error and an exit code.
func problem(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	var p history.Problem // metav1.Status has the same field
	if json.Unmarshal(body, &p) != nil || p.Message == "" {
		p.Message = strings.TrimSpace(string(body))
	}
	code := cell.ExitFailed
	switch resp.StatusCode {
	case http.StatusBadRequest:
		code = cell.ExitUsage
	case http.StatusForbidden, http.StatusUnauthorized, http.StatusMethodNotAllowed, http.StatusConflict:
		code = cell.ExitRefused
	case http.StatusGatewayTimeout:
		code = cell.ExitUnknown
	}
	return &cell.Coded{Code: code, Err: fmt.Errorf("%s (HTTP %d)", p.Message, resp.StatusCode)}
}

// Get asks for a path and decodes the answer into out.
func (c *Client) Get(ctx context.Context, path string, query url.Values, out any) error {
	return c.Ask(ctx, http.MethodGet, path, query, out)
}

// Ask has a path do what the method says, and decodes the answer into out.
func (c *Client) Ask(ctx context.Context, method, path string, query url.Values, out any) error {
	body, err := c.do(ctx, method, path, query)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(out); err != nil {
		return fmt.Errorf("read the answer of %s%s: %w", c.base, path, err)
	}
	return nil
}

// When resolves WHEN to one moment.
func (c *Client) When(ctx context.Context, when string) (*history.Moment, error) {
	m := new(history.Moment)
	return m, c.Get(ctx, history.PathWhen, url.Values{"when": {when}}, m)
}

// Status asks how far the server has come.
func (c *Client) Status(ctx context.Context) (*history.Status, error) {
	s := new(history.Status)
	return s, c.Get(ctx, history.PathStatus, nil, s)
}
