package client

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"time"

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
