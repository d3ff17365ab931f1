package usernames

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/pkg/testkit"
	"github.com/natter-chat/natter/pkg/username"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/message-store/internal/mention"
)

// auth is who has which name.
type auth struct {
	mu    sync.Mutex
	users map[string]ids.User // by key
	asked atomic.Int32
	// silent makes it not answer.
	silent atomic.Bool
}

func (a *auth) FindUsers(ctx context.Context, req *authv1.FindUsersRequest) (*authv1.FindUsersResponse, error) {
	a.asked.Add(1)
	if a.silent.Load() {
		<-ctx.Done()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	res := &authv1.FindUsersResponse{}
	for _, name := range req.GetUsernames() {
		ref := &chatv1.UserRef{}
		if _, key, err := username.Parse(name); err == nil && !a.users[key].IsZero() {
			ref.Id = a.users[key].String()
		}
		res.Users = append(res.Users, ref)
	}
	return res, nil
}

func (a *auth) has(key string, user ids.User) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.users[key] = user
}

func start(t *testing.T) (*auth, *Names, *nats.Conn) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	nc, err := bus.Connect(t.Context(), bus.Config{URL: testkit.NATS(t)}, "test", log)
	if err != nil {
		t.Fatal(err)
	}
	server, err := rpc.NewServer(nc, "auth", log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := errors.Join(server.Close(ctx), bus.Drain(ctx, nc)); err != nil {
			t.Error(err)
		}
	})
	a, n := &auth{users: map[string]ids.User{}}, New(rpc.NewClient(nc), log)
	if err := errors.Join(rpc.Handle(server, "FindUsers", a.FindUsers), n.Follow(nc), nc.Flush()); err != nil {
		t.Fatal(err)
	}
	return a, n, nc
}

func names(keys ...string) (all []mention.Reading) {
	for _, key := range keys {
		all = append(all, mention.Reading{Name: key, Key: key})
	}
	return all
}

func TestFind(t *testing.T) {
	t.Parallel()
	a, n, _ := start(t)
	ada := ids.New[ids.User]()
	a.has("ada", ada)
	if users, complete := n.Known(names("ada")); len(users) != 0 || complete {
		t.Errorf("before anybody asked: %v, %t", users, complete)
	}
	for range 2 { // asked once, for the name that nobody has, too
		if got := n.Find(t.Context(), names("ada", "nobody")); !maps.Equal(got, map[string]ids.User{"ada": ada}) {
			t.Errorf("found %v", got)
		}
	}
	if users, complete := n.Known(names("nobody", "ada")); users["ada"] != ada || !complete {
		t.Errorf("from memory: %v, %t", users, complete)
	}
	if asked := a.asked.Load(); asked != 1 {
		t.Errorf("auth was asked %d times", asked)
	}
}

func TestRename(t *testing.T) {
	t.Parallel()
	a, n, nc := start(t)
	ada := ids.New[ids.User]()
	a.has("ada", ada)
	n.Find(t.Context(), names("ada", "countess"))
	rename := func(name string, known map[string]ids.User) {
		t.Helper()
		data, err := proto.Marshal(&busv1.ProfileChanged{User: &chatv1.UserRef{Id: ada.String(), Username: name}})
		if err != nil {
			t.Fatal(err)
		}
		if err := nc.Publish(subject.UsersChanged, data); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(10 * time.Second); ; {
			users, _ := n.Known(names("ada", "countess"))
			if maps.Equal(users, known) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("after a rename to %s: %v, want %v", name, users, known)
			}
		}
	}
	rename("Countess", map[string]ids.User{"countess": ada})
	rename("deleted user", map[string]ids.User{})
}

// A message waits for auth 200 ms at most, and those after it not at all; what is known is better than nothing.
func TestWithoutAuth(t *testing.T) {
	t.Parallel()
	a, n, _ := start(t)
	ada, bob := ids.New[ids.User](), ids.New[ids.User]()
	a.has("bob", bob)
	n.mu.Lock()
	n.put("ada", entry{ada, time.Now().Add(-2 * freshHit)})
	n.mu.Unlock()
	a.silent.Store(true)
	for range 3 {
		if got := n.Find(t.Context(), names("ada", "bob")); !maps.Equal(got, map[string]ids.User{"ada": ada}) {
			t.Errorf("found %v", got)
		}
	}
	if _, complete := n.Known(names("bob")); !complete {
		t.Error("messages wait for an auth that does not answer")
	}
	if asked := a.asked.Load(); asked != 1 {
		t.Errorf("auth was asked %d times", asked)
	}
	a.silent.Store(false)
	n.mu.Lock()
	n.askAgain = time.Time{} // the second is over
	n.mu.Unlock()
	if got := n.Find(t.Context(), names("ada", "bob")); !maps.Equal(got, map[string]ids.User{"bob": bob}) {
		t.Errorf("after auth came back: %v", got)
	}
}
