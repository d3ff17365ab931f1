package people

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/people/peopletest"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/testkit"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

func start(t *testing.T) (*peopletest.Auth, *Directory) {
	t.Helper()
	url, log := testkit.NATS(t), slog.New(slog.DiscardHandler)
	nc, err := bus.Connect(t.Context(), bus.Config{URL: url}, "test", log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	d, err := New(rpc.NewClient(nc), log)
	if err == nil {
		err = errors.Join(d.Follow(nc), nc.Flush())
	}
	if err != nil {
		t.Fatal(err)
	}
	return peopletest.StartAuth(t, url), d
}

func TestNames(t *testing.T) {
	t.Parallel()
	auth, d := start(t)
	ada, nobody := ids.New[ids.User](), ids.New[ids.User]()
	auth.Add(ada, "Ada")
	for range 2 { // asked once, the missing one too
		got := d.Names(t.Context(), []ids.User{ada, nobody, ada})
		if len(got) != 2 || got[ada].GetUsername() != "Ada" || got[nobody].GetUsername() != "" || got[nobody].GetId() != nobody.String() {
			t.Errorf("names %v", got)
		}
	}
	if n := auth.Calls.Load(); n != 1 {
		t.Errorf("auth was asked %d times, want once", n)
	}
}

func TestNamesOfMany(t *testing.T) {
	t.Parallel()
	auth, d := start(t)
	var many []ids.User
	for range 2*maxAsk + 1 {
		id := ids.New[ids.User]()
		auth.Add(id, "user "+id.String())
		many = append(many, id)
	}
	for id, ref := range d.Names(t.Context(), many) {
		if ref.GetUsername() != "user "+id.String() {
			t.Fatalf("%s is named %q", id, ref.GetUsername())
		}
	}
	if n := auth.Calls.Load(); n != 3 {
		t.Errorf("auth was asked %d times, want 3", n)
	}
}

// Without auth old names are better than none, none are better than an error, and auth is not asked all the time.
func TestNamesWithoutAuth(t *testing.T) {
	t.Parallel()
	auth, d := start(t)
	ada, bob := ids.New[ids.User](), ids.New[ids.User]()
	auth.Add(ada, "Ada")
	d.known.Add(ada, entry{user: &chatv1.UserRef{Id: ada.String(), Username: "Old Ada"}, at: time.Now().Add(-2 * freshness)})
	auth.Down.Store(true)
	for range 3 {
		got := d.Names(t.Context(), []ids.User{ada, bob})
		if got[ada].GetUsername() != "Old Ada" || got[bob].GetId() != bob.String() {
			t.Errorf("names %v", got)
		}
	}
	if n := auth.Calls.Load(); n != 1 {
		t.Errorf("auth was asked %d times while it was down, want once", n)
	}
	auth.Down.Store(false)
	d.askAgain.Store(0) // the second of patience is over
	if got := d.Names(t.Context(), []ids.User{ada}); got[ada].GetUsername() != "Ada" {
		t.Errorf("names %v after auth came back", got)
	}
}

// A rename is heard of: the name is another one while the old one would still be believed.
func TestRename(t *testing.T) {
	t.Parallel()
	auth, d := start(t)
	ada := ids.New[ids.User]()
	auth.Add(ada, "Ada")
	if got := d.Names(t.Context(), []ids.User{ada})[ada]; got.GetUsername() != "Ada" {
		t.Fatalf("before: %v", got)
	}
	auth.Rename(t, ada, "Countess")
	deadline := time.Now().Add(10 * time.Second)
	for d.Names(t.Context(), []ids.User{ada})[ada].GetUsername() != "Countess" {
		if time.Now().After(deadline) {
			t.Fatal("the new name does not arrive")
		}
	}
	if n := auth.Calls.Load(); n != 1 {
		t.Errorf("auth was asked %d times, want once", n)
	}
}

func TestUser(t *testing.T) {
	t.Parallel()
	auth, d := start(t)
	ada := ids.New[ids.User]()
	if _, err := d.User(t.Context(), ada); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a user who is not there: %v", err)
	}
	auth.Add(ada, "Ada") // registered since: the miss must not be remembered
	if got, err := d.User(t.Context(), ada); err != nil || got.GetUsername() != "Ada" {
		t.Errorf("User: %v, %v", got, err)
	}
	auth.Down.Store(true)
	if got, err := d.User(t.Context(), ada); err != nil || got.GetUsername() != "Ada" {
		t.Errorf("User from the cache: %v, %v", got, err)
	}
	if _, err := d.User(t.Context(), ids.New[ids.User]()); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("an unknown user while auth is down: %v", err)
	}
}

func TestActive(t *testing.T) {
	t.Parallel()
	auth, d := start(t)
	ada, bob, nobody := ids.New[ids.User](), ids.New[ids.User](), ids.New[ids.User]()
	auth.Add(ada, "Ada")
	auth.Add(bob, "Bob")
	d.Names(t.Context(), []ids.User{ada, bob})
	auth.Close(bob) // a moment ago: what is remembered is not believed
	got, err := d.Active(t.Context(), []ids.User{ada, bob, nobody})
	if err != nil || len(got) != 1 || got[ada].GetUsername() != "Ada" {
		t.Errorf("active are %v, %v", got, err)
	}
	if got := d.Names(t.Context(), []ids.User{bob}); got[bob].GetUsername() != "Bob" {
		t.Errorf("a closed account has no name: %v", got)
	}
	auth.Down.Store(true)
	if _, err := d.Active(t.Context(), []ids.User{ada}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("while auth is down: %v", err)
	}
}
