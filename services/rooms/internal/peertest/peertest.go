// Package peertest is the services that rooms talks to, for tests: over a real bus, by the rules of the real ones as far
// as rooms can tell, and with faults on demand.
package peertest

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// Connect returns a connection that tb closes.
func Connect(tb testing.TB, url string) *nats.Conn {
	tb.Helper()
	nc, err := bus.Connect(context.Background(), bus.Config{URL: url}, "peertest", slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	return nc
}

// Auth is auth with the users that were added to it.
type Auth struct {
	// Calls is how often it was asked.
	Calls atomic.Int32
	// Down makes it answer nothing but Unavailable.
	Down atomic.Bool

	mu    sync.Mutex
	users map[string]*chatv1.UserRef
}

// StartAuth answers GetUsers until tb ends.
func StartAuth(tb testing.TB, url string) *Auth {
	tb.Helper()
	nc := Connect(tb, url)
	server, err := rpc.NewServer(nc, "auth", slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = server.Close(context.Background()) })
	a := &Auth{users: map[string]*chatv1.UserRef{}}
	if err := errors.Join(rpc.Handle(server, "GetUsers", a.getUsers), nc.Flush()); err != nil {
		tb.Fatal(err)
	}
	return a
}

// Add makes a user exist.
func (a *Auth) Add(id ids.User, name string) *chatv1.UserRef {
	a.mu.Lock()
	defer a.mu.Unlock()
	ref := &chatv1.UserRef{Id: id.String(), Username: name, Avatar: "https://example.org/" + name + ".png"}
	a.users[ref.GetId()] = ref
	return ref
}

// maxUsers is how many the real one takes in one call.
const maxUsers = 500

func (a *Auth) getUsers(_ context.Context, req *authv1.GetUsersRequest) (*authv1.GetUsersResponse, error) {
	a.Calls.Add(1)
	if a.Down.Load() {
		return nil, fault.New(fault.Unavailable, "down")
	}
	if len(req.GetUserIds()) > maxUsers {
		return nil, fault.Invalid("userIds", "too many")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	res := &authv1.GetUsersResponse{}
	for _, id := range req.GetUserIds() {
		if ref, ok := a.users[id]; ok {
			res.Users = append(res.Users, ref)
		}
	}
	return res, nil
}
