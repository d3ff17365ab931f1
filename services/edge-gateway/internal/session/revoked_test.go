package session

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/edge-gateway/internal/revocation"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// tokens are some that verify, and what auth says has ended of them.
type tokens struct {
	mu    sync.Mutex
	good  map[string]authn.Identity
	ended []ids.Session
}

func (k *tokens) add(name string, user ids.User, isAPIToken bool) ids.Session {
	k.mu.Lock()
	defer k.mu.Unlock()
	id := ids.New[ids.Session]()
	k.good[name] = authn.Identity{
		Caller: authn.Caller{User: user, Session: id}, IsAPIToken: isAPIToken, Scopes: []string{authn.ScopeRead}, ExpiresAt: time.Now().Add(time.Hour),
	}
	return id
}

func (k *tokens) end(id ids.Session) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ended = append(k.ended, id)
}

func (k *tokens) Verify(_ context.Context, token string) (authn.Identity, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	identity := k.good[token]
	if identity.IsAPIToken && slices.Contains(k.ended, identity.Caller.Session) {
		return identity, fault.New(fault.Unauthenticated, "the API token is not valid, has expired or was revoked")
	}
	return identity, nil
}

// Revoked are those that have ended of one user: pages are the list's matter.
func (k *tokens) Revoked(context.Context, string) (*authv1.ListRevokedResponse, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	res := &authv1.ListRevokedResponse{}
	for _, identity := range k.good {
		if id := identity.Caller.Session; !identity.IsAPIToken && slices.Contains(k.ended, id) {
			res.Revoked = append(res.Revoked, &busv1.SessionsRevoked{
				UserId: identity.Caller.User.String(), SessionIds: []string{id.String()}, Until: timestamppb.New(identity.ExpiresAt),
			})
		}
	}
	return res, nil
}

func (k *tokens) EndedTokens(_ context.Context, list []ids.Session) ([]ids.Session, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(list), func(id ids.Session) bool { return !slices.Contains(k.ended, id) }), nil
}

// What has ended closes its own connections with 4103, be it a session or an API token, and lets in nobody.
func TestRevokedTokens(t *testing.T) {
	t.Parallel()
	for name, isAPIToken := range map[string]bool{"session": false, "API token": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, nil)
			k := &tokens{good: map[string]authn.Identity{}}
			list := revocation.New(k, k, slog.New(slog.DiscardHandler))
			g.srv.verifier = list
			if err := list.Start(g.nc, g.srv); err != nil {
				t.Fatal(err)
			}
			defer list.Close()
			user := shared.person().id
			mine, other := k.add("mine", user, isAPIToken), k.add("other", user, isAPIToken)

			hello := func(c *client, token string) {
				c.send(&clientv1.ClientFrame{Id: 9, Frame: &clientv1.ClientFrame_Hello{Hello: &clientv1.Hello{Token: token}}})
			}
			conn := g.dial(t, wire.JSON)
			hello(conn, "mine")
			if conn.next().GetWelcome() == nil {
				t.Fatal("not let in")
			}
			unused := g.dial(t, wire.JSON)
			hello(unused, "other")
			if unused.next().GetWelcome() == nil {
				t.Fatal("not let in")
			}

			k.end(other)
			list.Resync()
			unused.closed(closeRevoked)
			hello(conn, "other") // renewing with what has ended changes nothing
			if f := conn.answer(9); f.GetError().GetCode() != "unauthenticated" {
				t.Errorf("renewed with a revoked token: %v", f)
			}
			conn.sync()
			late := g.dial(t, wire.JSON)
			hello(late, "other")
			late.closed(closeRevoked)

			k.end(mine)
			if isAPIToken {
				hello(conn, "mine") // nobody has told the gateway: it finds out by this
			} else {
				list.Resync()
			}
			conn.closed(closeRevoked)
			g.ended(t, "revoked", 3)
		})
	}
}
