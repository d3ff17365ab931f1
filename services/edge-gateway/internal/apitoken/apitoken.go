// Package apitoken lets API tokens in wherever access tokens are: it asks auth whose a token is, and remembers the answer
// for a moment. A client that comes with one unknown token after the other is refused before auth is asked. Access tokens
// go on to the verifier behind it.
package apitoken

import (
	"context"
	"crypto/sha256"
	"net/netip"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	"github.com/natter-chat/natter/services/edge-gateway/internal/clientaddr"
	"github.com/natter-chat/natter/services/edge-gateway/internal/ratelimit"
)

const (
	// remember is how long an answer of auth is good. A token that is revoked is refused by its id before that, as
	// sessions are; this bounds what else may change (the user's role, name, state).
	remember = 30 * time.Second
	// connectionTTL is how long a connection lives on one answer: like one with an access token, it is asked for its
	// token again.
	connectionTTL = 10 * time.Minute
	// maxCached bounds the answers that are remembered; one takes about half a kilobyte.
	maxCached = 4096
)

var errBadToken = fault.New(fault.Unauthenticated, "the API token is not valid, has expired or was revoked")

// Auth is asked for tokens: an *upstream.Services. Errors are faults; Unauthenticated when the token is not good.
type Auth interface {
	CheckToken(ctx context.Context, hash []byte) (*authv1.CheckTokenResponse, error)
}

// AccessVerifier checks access tokens: an *authn.Verifier.
type AccessVerifier interface {
	Verify(ctx context.Context, token string) (authn.Identity, error)
}

// Verifier verifies API tokens and access tokens. It is safe for concurrent use.
type Verifier struct {
	access AccessVerifier
	auth   Auth
	// known are the tokens that were good when auth was asked last; they do not count as unknown.
	known *lru.Cache[[sha256.Size]byte, answer]
	// unknown counts the others by the client's address.
	unknown *ratelimit.Buckets
}

type answer struct {
	identity authn.Identity // ExpiresAt zero: never
	until    time.Time
}

// New returns a verifier; unknown is how many tokens that it does not know one address may come with.
func New(access AccessVerifier, auth Auth, unknown ratelimit.Rate) *Verifier {
	known, _ := lru.New[[sha256.Size]byte, answer](maxCached) // fails for a size below 1 only
	return &Verifier{access: access, auth: auth, known: known, unknown: ratelimit.NewBuckets(unknown)}
}

// Verify returns what a token says; the client of ctx is who comes with it. Errors as authn.Verifier; Unavailable also when
// auth does not answer, ResourceExhausted after too many unknown tokens. When a token is refused that was good before, its
// identity comes with the error, so that what it has opened can be closed.
func (v *Verifier) Verify(ctx context.Context, token string) (authn.Identity, error) {
	if !authn.IsAPIToken(token) {
		return v.access.Verify(ctx, token)
	}
	hash, ok := authn.HashAPIToken(token)
	if !ok {
		return authn.Identity{}, errBadToken
	}
	now := time.Now()
	a, ok := v.known.Get(hash)
	if !ok {
		if err := v.countUnknown(ctx, now); err != nil {
			return authn.Identity{}, err
		}
	}
	if !ok || now.After(a.until) {
		res, err := v.auth.CheckToken(ctx, hash[:])
		if err != nil {
			if fault.CodeOf(err) == fault.Unauthenticated {
				v.known.Remove(hash)
				return a.identity, err
			}
			return authn.Identity{}, err
		}
		if a.identity, err = identityOf(res); err != nil {
			return authn.Identity{}, fault.E(fault.Internal, "check API token", err)
		}
		a.until = now.Add(remember)
		v.known.Add(hash, a)
	}
	id := a.identity
	if !id.ExpiresAt.IsZero() && !now.Before(id.ExpiresAt) {
		return authn.Identity{}, errBadToken
	}
	if latest := now.Add(connectionTTL); id.ExpiresAt.IsZero() || id.ExpiresAt.After(latest) {
		id.ExpiresAt = latest
	}
	return id, nil
}

func (v *Verifier) countUnknown(ctx context.Context, now time.Time) error {
	key := rpc.ClientOf(ctx).Address
	if addr, err := netip.ParseAddr(key); err == nil {
		key = clientaddr.Key(addr)
	}
	if wait := v.unknown.Of(key).Take(now, 1); wait > 0 {
		return fault.New(fault.ResourceExhausted, "too many unknown API tokens; try again later").WithRetryAfter(wait)
	}
	return nil
}

func identityOf(res *authv1.CheckTokenResponse) (id authn.Identity, err error) {
	u := res.GetUser()
	id = authn.Identity{
		Caller:     authn.Caller{Username: u.GetUsername(), Avatar: u.GetAvatar(), Email: u.GetEmail(), IsBot: u.GetIsBot()},
		Roles:      []string{res.GetRole()},
		IsAPIToken: true, Scopes: res.GetScopes(),
	}
	if res.ExpiresAt != nil {
		id.ExpiresAt = res.GetExpiresAt().AsTime()
	}
	if id.Caller.User, err = ids.ParseUser(u.GetId()); err != nil {
		return id, err
	}
	id.Caller.Session, err = ids.ParseSession(res.GetTokenId())
	return id, err
}
