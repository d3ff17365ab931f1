// Package peopletest is auth as far as package people can tell, for tests: over a real bus, and with faults on demand.
package peopletest

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/pkg/username"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// Auth is auth with the users that were added to it.
type Auth struct {
	// Calls is how often it was asked.
	Calls atomic.Int32
	// Down makes it answer nothing but Unavailable.
	Down atomic.Bool

	publish func(subject string, data []byte) error

	mu     sync.Mutex
	users  map[string]*chatv1.UserRef
	closed []string
}

// StartAuth answers GetUsers and FindUsers until tb ends.
func StartAuth(tb testing.TB, url string) *Auth {
	tb.Helper()
	log := slog.New(slog.DiscardHandler)
	nc, err := bus.Connect(tb.Context(), bus.Config{URL: url}, "peopletest", log)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	server, err := rpc.NewServer(nc, "auth", log, prometheus.NewRegistry())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = server.Close(context.Background()) })
	a := &Auth{publish: nc.Publish, users: map[string]*chatv1.UserRef{}}
	if err := errors.Join(rpc.Handle(server, "GetUsers", a.getUsers), rpc.Handle(server, "FindUsers", a.findUsers), nc.Flush()); err != nil {
		tb.Fatal(err)
	}
	return a
}

// Add makes a user exist, or gives them another name, without telling anybody.
func (a *Auth) Add(id ids.User, name string) *chatv1.UserRef {
	a.mu.Lock()
	defer a.mu.Unlock()
	ref := &chatv1.UserRef{Id: id.String(), Username: name, Avatar: "https://example.org/" + name + ".png"}
	a.users[ref.GetId()] = ref
	return ref
}

// Close deactivates a user's account.
func (a *Auth) Close(id ids.User) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = append(a.closed, id.String())
}

// Rename gives a user another name and tells everybody.
func (a *Auth) Rename(tb testing.TB, id ids.User, name string) {
	tb.Helper()
	data, err := proto.Marshal(&busv1.ProfileChanged{User: a.Add(id, name)})
	if err := errors.Join(err, a.publish(subject.UsersChanged, data)); err != nil {
		tb.Fatal(err)
	}
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
		if slices.Contains(a.closed, id) {
			res.ClosedIds = append(res.ClosedIds, id)
		}
	}
	return res, nil
}

func (a *Auth) findUsers(_ context.Context, req *authv1.FindUsersRequest) (*authv1.FindUsersResponse, error) {
	a.Calls.Add(1)
	if a.Down.Load() {
		return nil, fault.New(fault.Unavailable, "down")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	byKey := map[string]*chatv1.UserRef{}
	for _, ref := range a.users {
		if _, key, err := username.Parse(ref.GetUsername()); err == nil {
			byKey[key] = ref
		}
	}
	res := &authv1.FindUsersResponse{}
	for _, name := range req.GetUsernames() {
		found := &chatv1.UserRef{}
		if _, key, err := username.Parse(name); err == nil && byKey[key] != nil {
			found = byKey[key]
		}
		res.Users = append(res.Users, found)
	}
	return res, nil
}
