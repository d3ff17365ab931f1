package client

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/natter-chat/natter/pkg/fault"
)

// The close codes that mean more than "reconnect and resume". 4000–4099 ask for that, 4100–4199 forbid it.
const (
	closeRateLimited   websocket.StatusCode = 4029
	closeRefused       websocket.StatusCode = 4100 // the first of those that forbid it
	closeBadToken      websocket.StatusCode = 4101
	closeRevoked       websocket.StatusCode = 4103
	closeTooMany       websocket.StatusCode = 4109
	closeRefusedLast   websocket.StatusCode = 4199
	refusedHandshake                        = "the server at this address does not speak Natter's protocol: check the address and the versions"
	defaultLimitedWait                      = time.Second
)

// ErrClosed is what requests return after Close.
var ErrClosed = errors.New("the connection was closed by Close")

// next is what to do when a session has ended.
type next struct {
	// stop: do not connect again; it says what to do instead.
	stop error
	// fresh: connect again at once with a fresh token, if that was not just done.
	fresh bool
	// wait at least this long, as the server asked.
	wait time.Duration
}

// judge decides by how a session ended: a close code of the server, a refused handshake, an error of the token source,
// or a broken connection.
func judge(err error) next {
	closed, ok := errors.AsType[websocket.CloseError](err)
	if !ok {
		return judgeFault(err)
	}
	refuse := func(code fault.Code, advice string) next {
		if closed.Reason != "" {
			advice += " (" + closed.Reason + ")"
		}
		return next{stop: fault.New(code, "%s", advice).WithCause("client.Conn", err)}
	}
	switch code := closed.Code; {
	case code == closeBadToken:
		n := refuse(fault.Unauthenticated, "the server does not accept the access token, not even a fresh one: sign in again")
		n.fresh = true
		return n
	case code == closeRevoked:
		return refuse(fault.Unauthenticated, "this session was revoked: sign in again")
	case code == closeTooMany:
		return refuse(fault.ResourceExhausted, "this user has too many connections: close another one first")
	case code >= closeRefused && code <= closeRefusedLast:
		return refuse(fault.Unimplemented, "the server refuses this client's frames: use a client of the server's version")
	case code == websocket.StatusMessageTooBig:
		return refuse(fault.InvalidArgument, "a frame is larger than the server takes: send less at once")
	case code == closeRateLimited:
		return next{wait: waitIn(closed.Reason)}
	}
	return next{}
}

func judgeFault(err error) next {
	f, ok := errors.AsType[*Error](err)
	if !ok {
		return next{}
	}
	switch f.Code {
	case fault.Unavailable, fault.ResourceExhausted, fault.Aborted, fault.DeadlineExceeded, fault.Internal:
		return next{wait: f.RetryAfter}
	}
	return next{stop: err}
}

// waitIn finds the wait in the reason of a rate-limit close: its first duration ("retry after 1.5s"), or a number of
// milliseconds.
func waitIn(reason string) time.Duration {
	for word := range strings.FieldsFuncSeq(reason, func(r rune) bool { return strings.ContainsRune(" ,;:=()", r) }) {
		if d, err := time.ParseDuration(word); err == nil && d > 0 {
			return d
		}
		if ms, err := strconv.ParseUint(word, 10, 31); err == nil {
			return time.Duration(ms) * time.Millisecond
		}
	}
	return defaultLimitedWait
}

// handshakeError explains a failed dial. resp is nil when there was no answer at all.
func handshakeError(err error, resp *http.Response) error {
	if resp == nil {
		return fmt.Errorf("connect: %w", err)
	}
	code := fault.Unavailable
	message := fmt.Sprintf("the server answered %s to the WebSocket handshake", resp.Status)
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		code = fault.ResourceExhausted
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUpgradeRequired, http.StatusOK:
		code, message = fault.Unimplemented, refusedHandshake
	case http.StatusUnauthorized, http.StatusForbidden:
		code = fault.PermissionDenied
	}
	return fault.New(code, "%s", message).WithRetryAfter(retryAfter(resp.Header)).WithCause("client.dial", err)
}

// retryAfter reads the header's seconds; 0 without one.
func retryAfter(h http.Header) time.Duration {
	s, err := strconv.ParseUint(h.Get("Retry-After"), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(s) * time.Second
}
