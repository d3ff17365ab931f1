package revocation

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/pkg/testkit"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
)

// world is auth, a gateway's connections, and the tokens that both speak of: their text is that of their session.
type world struct {
	mu      sync.Mutex
	down    bool
	revoked []*busv1.SessionsRevoked // in the order of their ids
	ended   []ids.Session            // API tokens
	asked   int                      // pages
	used    map[ids.Session]ids.User // API tokens of connections
	closed  map[ids.Session]ids.User
	told    chan struct{} // something was closed
}

func newWorld() *world {
	return &world{used: map[ids.Session]ids.User{}, closed: map[ids.Session]ids.User{}, told: make(chan struct{}, 100)}
}

const pageSize = 2

func (w *world) Revoked(_ context.Context, after string) (*authv1.ListRevokedResponse, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.asked++; w.down {
		return nil, errors.New("auth is away")
	}
	res := &authv1.ListRevokedResponse{}
	for _, ev := range w.revoked {
		if ev.GetSessionIds()[0] <= after {
			continue
		}
		if res.More = len(res.GetRevoked()) == pageSize; res.GetMore() {
			break
		}
		res.Revoked = append(res.Revoked, ev)
	}
	return res, nil
}

func (w *world) EndedTokens(_ context.Context, tokens []ids.Session) ([]ids.Session, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return nil, errors.New("auth is away")
	}
	return slices.DeleteFunc(slices.Clone(tokens), func(id ids.Session) bool { return !slices.Contains(w.ended, id) }), nil
}

func (w *world) Revoke(user ids.User, sessions []ids.Session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range sessions {
		w.closed[id] = user
	}
	w.told <- struct{}{}
}

func (w *world) APITokens() map[ids.Session]ids.User {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.used)
}

func (*world) Verify(_ context.Context, token string) (authn.Identity, error) {
	id, err := ids.ParseSession(token)
	return authn.Identity{Caller: authn.Caller{Session: id}}, err
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) isClosed(user ids.User, id ids.Session) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed[id] == user
}

func ended(user ids.User, id ids.Session, until time.Time) *busv1.SessionsRevoked {
	return &busv1.SessionsRevoked{UserId: user.String(), SessionIds: []string{id.String()}, Until: timestamppb.New(until)}
}

// begin runs a list without a bus, which loses everything, in the bubble of a test.
func begin(t *testing.T, w *world) *List {
	t.Helper()
	l := New(w, w, slog.New(slog.DiscardHandler))
	l.conns = w
	ctx, cancel := context.WithCancel(t.Context())
	l.done.Go(func() { l.run(ctx) })
	t.Cleanup(func() { cancel(); l.done.Wait() })
	synctest.Wait()
	return l
}

func refused(t *testing.T, l *List, id ids.Session) bool {
	t.Helper()
	_, err := l.Verify(t.Context(), id.String())
	if err != nil && !errors.Is(err, ErrRevoked) {
		t.Error(err)
	}
	return err != nil
}

// What was published and lost is found by asking: within half a minute, or at once when the bus is known to have lost
// something.
func TestLostRevocationIsFound(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		resync bool
		after  time.Duration
	}{"by the poll": {false, askEvery}, "after a reconnect": {true, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, user := newWorld(), ids.New[ids.User]()
				session, token, good := ids.New[ids.Session](), ids.New[ids.Session](), ids.New[ids.Session]()
				w.used = map[ids.Session]ids.User{token: user, good: user}
				l := begin(t, w)
				w.set(func() {
					w.revoked = append(w.revoked, ended(user, session, time.Now().Add(time.Hour)))
					w.ended = append(w.ended, token)
				})
				if tc.resync {
					l.Resync()
					l.Resync() // does not wait, however often
				}
				if !tc.resync {
					<-time.After(tc.after - time.Millisecond)
					if synctest.Wait(); w.isClosed(user, session) {
						t.Error("asked without a reason")
					}
					<-time.After(time.Millisecond)
				}
				synctest.Wait()
				for what, id := range map[string]ids.Session{"session": session, "API token": token} {
					if !w.isClosed(user, id) || !refused(t, l, id) {
						t.Errorf("%s: closed %v, refused %v", what, w.isClosed(user, id), refused(t, l, id))
					}
				}
				if w.isClosed(user, good) || refused(t, l, good) {
					t.Error("a good token is closed")
				}
			})
		})
	}
}

func TestAllPagesAreRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, user := newWorld(), ids.New[ids.User]()
		for range 2*pageSize + 1 {
			w.revoked = append(w.revoked, ended(user, ids.New[ids.Session](), time.Now().Add(time.Hour)))
		}
		l := begin(t, w)
		for i, ev := range w.revoked {
			if id, _ := ids.ParseSession(ev.GetSessionIds()[0]); !refused(t, l, id) {
				t.Errorf("session %d is let in", i)
			}
		}
		if w.asked != 3 {
			t.Errorf("%d pages, want 3", w.asked)
		}
	})
}

// A gateway is not ready before it knows what had ended, and tries every second.
func TestNotReadyWhileAuthIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.down = true
		l := begin(t, w)
		for range 3 {
			if err := l.Check(t.Context()); err == nil {
				t.Error("ready without the list")
			}
			<-time.After(retryAfter)
			synctest.Wait()
		}
		if w.asked != 4 {
			t.Errorf("asked %d times in 3 s, want 4", w.asked)
		}
		w.set(func() { w.down = false })
		<-time.After(retryAfter)
		if synctest.Wait(); l.Check(t.Context()) != nil {
			t.Error("not ready although the list was read")
		}
		w.set(func() { w.down = true })
		<-time.After(askEvery)
		if synctest.Wait(); l.Check(t.Context()) != nil {
			t.Error("what is known is lost while auth is away")
		}
	})
}

func TestSessionsAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, user, id := newWorld(), ids.New[ids.User](), ids.New[ids.Session]()
		l := begin(t, w)
		l.add(ended(user, id, time.Now().Add(2*askEvery)))
		<-time.After(2 * askEvery)
		if synctest.Wait(); !refused(t, l, id) {
			t.Error("forgotten too early")
		}
		<-time.After(askEvery)
		if synctest.Wait(); refused(t, l, id) || len(l.until) != 0 {
			t.Errorf("still known: %v", l.until)
		}
	})
}

// What the bus brings counts at once, and nonsense on it does no harm.
func TestPublishedRevocations(t *testing.T) {
	t.Parallel()
	nc, err := nats.Connect(testkit.NATS(t))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	w, user, id := newWorld(), ids.New[ids.User](), ids.New[ids.Session]()
	l := New(w, w, slog.New(slog.DiscardHandler))
	l.Close() // of one that never started
	if err := l.Start(nc, w); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	good, err := proto.Marshal(ended(user, id, time.Now().Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	nobody, err := proto.Marshal(&busv1.SessionsRevoked{UserId: "*", SessionIds: []string{id.String()}})
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range [][]byte{[]byte("\xff"), nobody, good} {
		if err := nc.Publish(subject.SessionsRevoked, data); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-w.told:
	case <-time.After(20 * time.Second):
		t.Fatal("not told")
	}
	if !w.isClosed(user, id) || !refused(t, l, id) {
		t.Error("what ended is let in")
	}
}
