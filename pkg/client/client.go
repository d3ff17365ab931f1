package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
)

// Error is what the server answered: a Code to compare (the constants of package fault), a Message for people, the
// offending Field, and RetryAfter. Find it with errors.As.
type Error = fault.Fault

// Options are the choices of a Client; the zero value is one that has not signed in.
type Options struct {
	// Token is where access tokens come from; nil: from the session that Register or Login begins.
	Token TokenSource
	// HTTP is used for requests and for the WebSocket; nil: one with a timeout of 30 s.
	HTTP *http.Client
	// Log gets what a person would want to know of reconnects; nil: nobody does. No tokens, no content.
	Log *slog.Logger
}

// Client speaks to one server for one user. It is safe for concurrent use.
type Client struct {
	base   *url.URL
	http   *http.Client
	log    *slog.Logger
	tokens *tokens
}

const (
	httpTimeout = 30 * time.Second
	// answerLimit is the largest HTTP answer that is read.
	answerLimit = 16 << 20
)

// New returns a client of the server at an http:// or https:// address. It does not connect yet.
func New(server string, opts Options) (*Client, error) {
	base, err := url.Parse(server)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fault.Invalid("server", "%q is not the address of a server; it looks like http://localhost:8080", server)
	}
	c := &Client{base: base, http: opts.HTTP, log: opts.Log, tokens: newTokens(opts.Token)}
	c.tokens.renew = c.renew
	if c.http == nil {
		c.http = &http.Client{Timeout: httpTimeout}
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// call is one HTTP request.
type call struct {
	method string
	path   []string // elements, escaped when they are joined
	query  url.Values
	body   proto.Message // nil: none
	public bool          // no token
	signIn bool          // the refresh token is to be in the answer
}

// do sends a call and returns the body of the answer, with a fresh token if the one in use is refused.
func (c *Client) do(ctx context.Context, call call) ([]byte, error) {
	if call.public {
		return c.roundTrip(ctx, call, "")
	}
	token, err := c.tokens.get(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := c.roundTrip(ctx, call, token)
	if fault.CodeOf(err) != fault.Unauthenticated || !c.tokens.canRefresh() {
		return answer, err
	}
	if token, err = c.tokens.refresh(ctx, token); err != nil {
		return nil, err
	}
	return c.roundTrip(ctx, call, token)
}

func (c *Client) roundTrip(ctx context.Context, call call, token string) ([]byte, error) {
	req, err := c.request(ctx, call, token)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", req.URL.Path, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, readError(resp, body)
	}
	return body, nil
}

func (c *Client) request(ctx context.Context, call call, token string) (*http.Request, error) {
	target := c.base
	for _, element := range call.path {
		if element == "" || element == "." || element == ".." { // would be another path
			return nil, fault.Invalid("id", "%q is not an id", element)
		}
		target = target.JoinPath(url.PathEscape(element))
	}
	var body io.Reader
	if call.body != nil {
		data, err := protojson.Marshal(call.body)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, call.method, target.String(), body)
	if err != nil {
		return nil, err
	}
	req.URL.RawQuery = call.query.Encode()
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if call.signIn {
		req.Header.Set("Natter-Refresh-Token", "body")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req, nil
}

// readError turns an answer into an Error: {"error":{"code","message","field"}}, or what can be said without it.
func readError(resp *http.Response, body []byte) error {
	var answer struct {
		Error struct {
			Code    fault.Code `json:"code"`
			Message string     `json:"message"`
			Field   string     `json:"field"`
		} `json:"error"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Error.Code == "" {
		code := fault.Internal
		switch {
		case resp.StatusCode == http.StatusNotFound:
			code = fault.NotFound
		case resp.StatusCode == http.StatusTooManyRequests:
			code = fault.ResourceExhausted
		case resp.StatusCode >= 502:
			code = fault.Unavailable
		}
		return fault.New(code, "%s answered %s; is it a Natter server?", resp.Request.URL.Host, resp.Status).
			WithRetryAfter(retryAfter(resp.Header))
	}
	e := answer.Error
	return &Error{Code: e.Code, Message: e.Message, Field: e.Field, RetryAfter: retryAfter(resp.Header)}
}

// one calls and decodes an answer that is one object.
func one[T proto.Message](ctx context.Context, c *Client, call call, into T) (T, error) {
	var none T
	data, err := c.do(ctx, call)
	if err != nil {
		return none, err
	}
	return into, decodeAnswer(data, into)
}

// list calls and decodes an answer that is an array.
func list[T any, P interface {
	*T
	proto.Message
}](ctx context.Context, c *Client, call call) ([]P, error) {
	data, err := c.do(ctx, call)
	if err != nil {
		return nil, err
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("the server's answer is not a list: %w", err)
	}
	all := make([]P, len(raw))
	for i := range raw {
		all[i] = new(T)
		if err := decodeAnswer(raw[i], all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func decodeAnswer(data []byte, into proto.Message) error {
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, into); err != nil {
		return fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	return nil
}
