package rpc

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// Headers of a request.
const (
	// headerTimeout is how many milliseconds the caller still waits: a duration, because clocks differ.
	headerTimeout = "Natter-Timeout-Ms"
	// headerCaller is the caller as a base64 chat.v1.User: names may hold what a header may not.
	headerCaller = "Natter-Caller"
	// headerSession is the session of the caller.
	headerSession = "Natter-Session"
	// headerAddress and headerUserAgent are the program that the request comes from; the second in base64.
	headerAddress   = "Natter-Client-Address"
	headerUserAgent = "Natter-Client-User-Agent"
)

// maxUserAgent is how many bytes of a user agent are kept: browsers have some 120.
const maxUserAgent = 256

type (
	callerKey struct{}
	clientKey struct{}
)

// WithCaller returns a context whose calls are made on behalf of c.
func WithCaller(ctx context.Context, c authn.Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// Caller is on whose behalf the request is made; an Unauthenticated fault when it is on nobody's.
func Caller(ctx context.Context) (authn.Caller, error) {
	c, ok := ctx.Value(callerKey{}).(authn.Caller)
	if !ok {
		return authn.Caller{}, fault.New(fault.Unauthenticated, "sign in first")
	}
	return c, nil
}

// WithClient returns a context whose calls are made for this program.
func WithClient(ctx context.Context, c authn.Client) context.Context {
	return context.WithValue(ctx, clientKey{}, c)
}

// ClientOf is the program that the request comes from; empty when a service asks on its own account.
func ClientOf(ctx context.Context) authn.Client {
	c, _ := ctx.Value(clientKey{}).(authn.Client)
	return c
}

// clientHeader carries deadline, caller and client of ctx.
func clientHeader(ctx context.Context) nats.Header {
	h := nats.Header{}
	if deadline, ok := ctx.Deadline(); ok {
		h.Set(headerTimeout, strconv.FormatInt(max(time.Until(deadline).Milliseconds(), 0), 10))
	}
	if c, err := Caller(ctx); err == nil {
		user := &chatv1.User{Id: c.User.String(), Username: c.Username, Avatar: c.Avatar, Email: c.Email, IsBot: c.IsBot}
		h.Set(headerCaller, base64.StdEncoding.EncodeToString(mustMarshal(user)))
		h.Set(headerSession, c.Session.String())
	}
	if c := ClientOf(ctx); c != (authn.Client{}) {
		h.Set(headerAddress, c.Address)
		h.Set(headerUserAgent, base64.StdEncoding.EncodeToString([]byte(c.UserAgent)))
	}
	return h
}

// serverContext is the inverse of clientHeader.
func serverContext(base context.Context, r micro.Request) (context.Context, context.CancelFunc) {
	timeout := defaultTimeout
	if ms, err := strconv.ParseInt(r.Headers().Get(headerTimeout), 10, 64); err == nil {
		timeout = min(time.Duration(ms)*time.Millisecond, maxTimeout)
	}
	ctx, cancel := context.WithTimeout(base, timeout)
	if agent, err := base64.StdEncoding.DecodeString(r.Headers().Get(headerUserAgent)); err == nil {
		agent = agent[:min(len(agent), maxUserAgent)]
		ctx = WithClient(ctx, authn.Client{
			Address: r.Headers().Get(headerAddress), UserAgent: strings.ToValidUTF8(string(agent), ""),
		})
	}
	raw, err := base64.StdEncoding.DecodeString(r.Headers().Get(headerCaller))
	if err != nil || len(raw) == 0 {
		return ctx, cancel
	}
	var user chatv1.User
	if proto.Unmarshal(raw, &user) != nil {
		return ctx, cancel
	}
	id, err := ids.ParseUser(user.GetId())
	if err != nil {
		return ctx, cancel
	}
	c := authn.Caller{User: id, Username: user.GetUsername(), Avatar: user.GetAvatar(), Email: user.GetEmail(), IsBot: user.GetIsBot()}
	c.Session, _ = ids.ParseSession(r.Headers().Get(headerSession)) // none: an instance of a version before it asks
	return WithCaller(ctx, c), cancel
}

// ToProto is a fault as it crosses the bus; its cause stays behind.
func ToProto(f *fault.Fault) *busv1.Fault {
	return &busv1.Fault{
		Code: string(f.Code), Message: f.Message, Field: f.Field, RetryAfterMs: uint32(f.RetryAfter.Milliseconds()),
	}
}

// FromProto is the inverse of ToProto. A code this version does not know becomes Internal.
func FromProto(p *busv1.Fault) *fault.Fault {
	code := fault.Code(p.GetCode())
	if !code.Known() {
		code = fault.Internal
	}
	return &fault.Fault{
		Code: code, Message: p.GetMessage(), Field: p.GetField(), RetryAfter: time.Duration(p.GetRetryAfterMs()) * time.Millisecond,
	}
}

// mustMarshal encodes a message of our own making: it fails only on invalid UTF-8, and then sends nothing.
func mustMarshal(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		return nil
	}
	return b
}
