// Package revocation knows the sessions that ended before their time, so that the gateway refuses their access tokens, which
// are valid for some minutes more, and closes their connections. API tokens are sessions here, whose id is the token's.
//
// Auth publishes what ends; what the bus loses is found by asking: at the start, after a reconnect, and every half minute.
// So no check of a session asks anybody, however many clients come at once. Auth lists the sessions that have ended; of API
// tokens, which end in more ways, it is asked for those that connections use, and one that is refused when somebody comes
// with it has ended as well.
package revocation

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
)

const (
	// askEvery is how long a loss that nobody noticed may keep a revoked session alive.
	askEvery = 30 * time.Second
	// retryAfter is between two tries while auth is away.
	retryAfter = time.Second
	// refuseTokens is how long an API token that was found to have ended is on the list: until no check of it is remembered.
	refuseTokens = time.Minute
	// tokensAtOnce is the limit of EndedTokens.
	tokensAtOnce = 1000
)

// ErrRevoked is the answer to the access token of a session that has ended.
var ErrRevoked = fault.New(fault.Unauthenticated, "the session has ended: sign in again")

// Verifier checks tokens: an *apitoken.Verifier. With the refusal of an API token that was good before comes its identity.
type Verifier interface {
	Verify(ctx context.Context, token string) (authn.Identity, error)
}

// Auth is asked for what has ended: an *upstream.Services. Errors are faults.
type Auth interface {
	// Revoked is a page of ListRevoked.
	Revoked(ctx context.Context, after string) (*authv1.ListRevokedResponse, error)
	// EndedTokens returns those of some API tokens that are not good any more.
	EndedTokens(ctx context.Context, tokens []ids.Session) ([]ids.Session, error)
}

// Connections are those of this gateway: a *session.Server.
type Connections interface {
	// Revoke closes those of a user that belong to sessions, without waiting.
	Revoke(user ids.User, sessions []ids.Session)
	// APITokens are the API tokens that connections were opened with, and whose they are.
	APITokens() map[ids.Session]ids.User
}

// List is the revoked sessions whose access tokens may still be valid. It is safe for concurrent use.
type List struct {
	verifier Verifier
	auth     Auth
	log      *slog.Logger
	ask      chan struct{}

	conns  Connections // set by Start
	cancel context.CancelFunc
	done   sync.WaitGroup
	sub    *nats.Subscription

	mu     sync.RWMutex
	until  map[ids.Session]time.Time // when a session may be forgotten
	isFull bool                      // all that had ended when we began is in it
}

// New returns an empty list in front of a verifier.
func New(v Verifier, auth Auth, log *slog.Logger) *List {
	return &List{verifier: v, auth: auth, log: log, ask: make(chan struct{}, 1), until: map[ids.Session]time.Time{}}
}

// Verify is the verifier's, but ErrRevoked when the session of the token has ended, or the API token just turned out to.
func (l *List) Verify(ctx context.Context, token string) (authn.Identity, error) {
	id, err := l.verifier.Verify(ctx, token)
	if id.IsAPIToken && fault.CodeOf(err) == fault.Unauthenticated {
		l.end(id.Caller.User, time.Now().Add(refuseTokens), id.Caller.Session)
		return authn.Identity{}, ErrRevoked
	}
	if err != nil {
		return authn.Identity{}, err
	}
	l.mu.RLock()
	_, isRevoked := l.until[id.Caller.Session]
	l.mu.RUnlock()
	if isRevoked {
		return authn.Identity{}, ErrRevoked
	}
	return id, nil
}

// Start begins to listen and to ask. Whenever sessions of a user have ended, and are in the list, their connections are
// closed. Close ends what Start began.
func (l *List) Start(nc *nats.Conn, conns Connections) (err error) {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel, l.conns = cancel, conns
	l.sub, err = nc.Subscribe(subject.SessionsRevoked, func(msg *nats.Msg) {
		var ev busv1.SessionsRevoked
		if err := proto.Unmarshal(msg.Data, &ev); err != nil {
			l.log.Error("unreadable list of revoked sessions", "error", err)
			return
		}
		l.add(&ev)
	})
	if err != nil {
		cancel()
		return err
	}
	l.done.Go(func() { l.run(ctx) })
	return nil
}

// Close ends what Start began, if it did.
func (l *List) Close() {
	if l.sub == nil {
		return
	}
	_ = l.sub.Unsubscribe() // fails when the bus is closed, which ends it too
	l.cancel()
	l.done.Wait()
}

// Resync asks again, now: what was published may have been lost.
func (l *List) Resync() {
	select {
	case l.ask <- struct{}{}:
	default: // it is about to
	}
}

// Check is for readiness: an error until all that ended before the start is known.
func (l *List) Check(context.Context) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if !l.isFull {
		return fault.New(fault.Unavailable, "the list of revoked sessions has not been read yet")
	}
	return nil
}

func (l *List) run(ctx context.Context) {
	for {
		pause := askEvery
		if err := errors.Join(l.read(ctx), l.checkTokens(ctx)); err != nil {
			pause = retryAfter
			if ctx.Err() == nil {
				l.log.Debug("cannot ask for ended sessions; trying again", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-l.ask:
		case <-time.After(pause):
		}
	}
}

// read adds all that auth lists, and forgets what nobody needs to know any more.
func (l *List) read(ctx context.Context) error {
	after := ""
	for {
		page, err := l.auth.Revoked(ctx, after)
		if err != nil {
			return err
		}
		for _, ev := range page.GetRevoked() {
			l.add(ev)
			for _, id := range ev.GetSessionIds() {
				after = id
			}
		}
		if !page.GetMore() || len(page.GetRevoked()) == 0 {
			break
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isFull = true
	for id, until := range l.until {
		if time.Now().After(until) {
			delete(l.until, id)
		}
	}
	return nil
}

// checkTokens finds the API tokens of connections that have ended.
func (l *List) checkTokens(ctx context.Context) error {
	used := l.conns.APITokens()
	for some := range slices.Chunk(slices.Collect(maps.Keys(used)), tokensAtOnce) {
		ended, err := l.auth.EndedTokens(ctx, some)
		if err != nil {
			return err
		}
		for _, token := range ended {
			l.end(used[token], time.Now().Add(refuseTokens), token)
		}
	}
	return nil
}

// add takes what auth says.
func (l *List) add(ev *busv1.SessionsRevoked) {
	user, err := ids.ParseUser(ev.GetUserId())
	if err != nil {
		l.log.Error("revoked sessions of nobody", "error", err)
		return
	}
	var sessions []ids.Session
	for _, text := range ev.GetSessionIds() {
		if id, err := ids.ParseSession(text); err == nil {
			sessions = append(sessions, id)
		}
	}
	l.end(user, ev.GetUntil().AsTime(), sessions...)
}

// end puts sessions on the list first and closes their connections then: who uses a token after that is refused, and who
// did before is closed.
func (l *List) end(user ids.User, until time.Time, sessions ...ids.Session) {
	l.mu.Lock()
	for _, id := range sessions {
		l.until[id] = until
	}
	l.mu.Unlock()
	l.conns.Revoke(user, sessions)
}
