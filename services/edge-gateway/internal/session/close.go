package session

import (
	"errors"
	"fmt"
	"time"

	"github.com/coder/websocket"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/services/edge-gateway/internal/revocation"
)

// Close codes are API (DESIGN §5). 4000–4099: reconnect and resume. 4100–4199: do not reconnect as you are.
const (
	closeSlowConsumer   websocket.StatusCode = 4008 // the client does not read fast enough
	closeDraining       websocket.StatusCode = 4012 // this gateway is stopping
	closeUnavailable    websocket.StatusCode = 4013 // a service behind the gateway is away, or too many clients come at once
	closeIdle           websocket.StatusCode = 4014 // nothing was heard from the client, not even an answer to a ping
	closeLimited        websocket.StatusCode = 4029 // the client does not heed the limits; the wait is in the reason
	closeProtocol       websocket.StatusCode = 4100 // the client does not speak the protocol
	closeToken          websocket.StatusCode = 4101 // the access token is missing, bad or expired
	closeRevoked        websocket.StatusCode = 4103 // the session was ended: signed out, revoked, or a new password
	closeTooManySockets websocket.StatusCode = 4109 // this user has too many connections
)

// ending is why a connection ends: a code for the client and a word for the metric.
type ending struct {
	code   websocket.StatusCode
	reason string // ≤ 123 bytes
	cause  string // the metric's label
}

var (
	endSlow      = ending{closeSlowConsumer, "the client reads too slowly; reconnect and resume", "slow_consumer"}
	endDraining  = ending{closeDraining, "this gateway is stopping; reconnect and resume", "draining"}
	endIdle      = ending{closeIdle, "no answer to a ping; reconnect and resume", "idle"}
	endToken     = ending{closeToken, "the access token is missing, bad or expired", "token"}
	endBadHello  = ending{closeProtocol, "the hello is not valid; the error before this says why", "protocol"}
	endKind      = ending{closeProtocol, "JSON is sent as text, protobuf as binary messages", "protocol"}
	endAway      = ending{closeUnavailable, "not available right now; reconnect and resume", "unavailable"}
	endBusy      = ending{closeUnavailable, "too many clients come back at once; reconnect and resume", "busy"}
	endHello     = ending{closeProtocol, "the first frame must be hello, within 10 seconds", "protocol"}
	endSecondSub = ending{closeProtocol, "a connection belongs to one user", "protocol"}
	endRevoked   = ending{closeRevoked, "the session has ended; sign in again", "revoked"}
	endExpired   = ending{closeToken, "the access token has expired", "token"}
	endTooMany   = ending{closeTooManySockets, "too many connections of this user", "too_many"}
	endTooBig    = ending{websocket.StatusMessageTooBig, "the frame is too big", "too_big"}
	// A client that has closed does not see this code. It is for one that breaks RFC 6455.
	endClient = ending{websocket.StatusProtocolError, "", "client"}
	// endGone has no code: nobody is there to be told, and to try would take time when many go at once.
	endGone = ending{cause: "client"}
)

// endLimited is how a connection ends whose client goes on after it was told to wait.
func endLimited(wait time.Duration) ending {
	return ending{closeLimited, fmt.Sprintf("rate limited: retry after %v", wait.Round(time.Second)), "rate_limited"}
}

// endFor is how a connection ends whose hello failed with this error.
func endFor(f *fault.Fault) ending {
	switch f.Code {
	case fault.Unauthenticated:
		if errors.Is(f, revocation.ErrRevoked) {
			return endRevoked
		}
		return endToken
	case fault.InvalidArgument:
		return endBadHello
	case fault.ResourceExhausted:
		if f.RetryAfter > 0 {
			return endLimited(f.RetryAfter)
		}
		return endTooMany
	case fault.Unavailable:
		if errors.Is(f, errBusy) {
			return endBusy
		}
	}
	return endAway
}
