package directory

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/testkit"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/rooms/internal/logtest"
)

// users is auth: it knows some users, counts the calls, and can be down.
type users struct {
	names map[string]string
	calls atomic.Int32
	down  atomic.Bool
}

func (u *users) GetUsers(_ context.Context, req *authv1.GetUsersRequest) (*authv1.GetUsersResponse, error) {
	u.calls.Add(1)
	if u.down.Load() || len(req.GetUserIds()) > maxAsk {
		return nil, fault.New(fault.Unavailable, "down")
	}
	res := &authv1.GetUsersResponse{}
	for _, id := range req.GetUserIds() {
		if name, ok := u.names[id]; ok {
			res.Users = append(res.Users, &chatv1.UserRef{Id: id, Username: name})
		}
	}
	return res, nil
}

func start(t *testing.T) (*users, *Directory) {
	t.Helper()
	url, log := testkit.NATS(t), slog.New(slog.DiscardHandler)
	server, err := rpc.NewServer(logtest.Connect(t, url), "auth", log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close(context.Background()) })
	u := &users{names: map[string]string{}}
	if err := rpc.Handle(server, "GetUsers", u.GetUsers); err != nil {
		t.Fatal(err)
	}
	d, err := New(rpc.NewClient(logtest.Connect(t, url)), log)
	if err != nil {
		t.Fatal(err)
	}
	return u, d
}

func TestNames(t *testing.T) {
	t.Parallel()
	u, d := start(t)
	ada, nobody := ids.New[ids.User](), ids.New[ids.User]()
	u.names[ada.String()] = "Ada"
	for range 2 { // asked once, the missing one too
		got := d.Names(t.Context(), []ids.User{ada, nobody, ada})
		if len(got) != 2 || got[ada].GetUsername() != "Ada" || got[nobody].GetUsername() != "" || got[nobody].GetId() != nobody.String() {
			t.Errorf("names %v", got)
		}
	}
	if n := u.calls.Load(); n != 1 {
		t.Errorf("auth was asked %d times, want once", n)
	}
}

func TestNamesOfMany(t *testing.T) {
	t.Parallel()
	u, d := start(t)
	var many []ids.User
	for range 2*maxAsk + 1 {
		id := ids.New[ids.User]()
		u.names[id.String()] = "user " + id.String()
		many = append(many, id)
	}
	for id, ref := range d.Names(t.Context(), many) {
		if ref.GetUsername() != "user "+id.String() {
			t.Fatalf("%s is named %q", id, ref.GetUsername())
		}
	}
	if n := u.calls.Load(); n != 3 {
		t.Errorf("auth was asked %d times, want 3", n)
	}
}

// Without auth old names are better than none, none are better than an error, and auth is not asked all the time.
func TestNamesWithoutAuth(t *testing.T) {
	t.Parallel()
	u, d := start(t)
	ada, bob := ids.New[ids.User](), ids.New[ids.User]()
	u.names[ada.String()] = "Ada"
	d.known.Add(ada, entry{user: &chatv1.UserRef{Id: ada.String(), Username: "Old Ada"}, at: time.Now().Add(-2 * freshness)})
	u.down.Store(true)
	for range 3 {
		got := d.Names(t.Context(), []ids.User{ada, bob})
		if got[ada].GetUsername() != "Old Ada" || got[bob].GetId() != bob.String() {
			t.Errorf("names %v", got)
		}
	}
	if n := u.calls.Load(); n != 1 {
		t.Errorf("auth was asked %d times while it was down, want once", n)
	}
	u.down.Store(false)
	d.askAgain.Store(0) // the second of patience is over
	if got := d.Names(t.Context(), []ids.User{ada}); got[ada].GetUsername() != "Ada" {
		t.Errorf("names %v after auth came back", got)
	}
}

func TestUser(t *testing.T) {
	t.Parallel()
	u, d := start(t)
	ada := ids.New[ids.User]()
	if _, err := d.User(t.Context(), ada); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a user who is not there: %v", err)
	}
	u.names[ada.String()] = "Ada" // registered since: the miss must not be remembered
	if got, err := d.User(t.Context(), ada); err != nil || got.GetUsername() != "Ada" {
		t.Errorf("User: %v, %v", got, err)
	}
	u.down.Store(true)
	if got, err := d.User(t.Context(), ada); err != nil || got.GetUsername() != "Ada" {
		t.Errorf("User from the cache: %v, %v", got, err)
	}
	if _, err := d.User(t.Context(), ids.New[ids.User]()); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("an unknown user while auth is down: %v", err)
	}
}
