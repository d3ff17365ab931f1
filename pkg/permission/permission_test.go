package permission_test

import (
	"bytes"
	"errors"
	"flag"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/permission"
	"github.com/natter-chat/natter/pkg/permission/permissiontest"
	"github.com/natter-chat/natter/pkg/subject"
)

var update = flag.Bool("update", false, "write the generated file instead of comparing")

const usersFile = "../../deploy/nats/users.conf"

func TestUsersFileIsUpToDate(t *testing.T) {
	var b bytes.Buffer
	if err := permission.WriteConf(&b); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(usersFile, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(usersFile)
	if err != nil || !bytes.Equal(got, b.Bytes()) {
		t.Errorf("%s is out of date (%v): run `make nats`", usersFile, err)
	}
}

// What a service that was taken over would try is refused by a real server, and it can do what it needs.
func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	server := permissiontest.Start(t)
	room, user := ids.New[ids.Room](), ids.New[ids.User]()
	for name, tt := range map[string]struct {
		user                     string
		publish, subscribe       []string // refused
		mayPublish, maySubscribe []string
	}{
		"a gateway": {
			user: permission.EdgeGateway,
			publish: []string{
				subject.RoomEvent(room), subject.UserEvent(user), subject.Head(1), subject.SessionsRevoked, subject.RoomsChanged, subject.UsersChanged,
				subject.Live(permission.MessageStore), subject.RPC("message-store", "PurgeRoom"), subject.RPC("rooms", "GetSnapshot"),
				subject.RPC("auth", "FindUsers"), subject.RPC("auth", "GetUsers"), bus.InboxPrefix(permission.Auth) + ".x.1", "$SRV.PING", "anything",
			},
			subscribe: []string{
				">", "natter.>", "_INBOX.>", bus.InboxPrefix(permission.Auth) + ".>", bus.InboxPrefix(permission.Rooms) + ".*.*", subject.InAll,
				subject.In(room), subject.RPC("auth", "*"), subject.RPC("auth", "Login"), "$SRV.>", subject.RoomsChanged,
			},
			mayPublish: []string{
				subject.In(room), subject.InAny(room), subject.RoomSignal(room), subject.Presence(user), subject.PresenceQuery,
				subject.RPC("auth", "Login"), subject.RPC("rooms", "CreateRoom"), subject.RPC("message-store", "ListMessages"),
			},
			maySubscribe: []string{subject.RoomAll(room), subject.UserEvent(user), bus.InboxPrefix(permission.EdgeGateway) + ".x.*"},
		},
		"auth": {
			user:         permission.Auth,
			publish:      []string{subject.In(room), subject.RoomEvent(room), subject.RPC("rooms", "CreateRoom"), bus.InboxPrefix(permission.EdgeGateway) + ".x.1"},
			subscribe:    []string{subject.RoomAll(room), subject.InAll, subject.UserEvent(user), subject.RPC("rooms", "*"), bus.InboxPrefix(permission.EdgeGateway) + ".>"},
			mayPublish:   []string{subject.UserEvent(user), subject.SessionsRevoked},
			maySubscribe: []string{subject.RPC("auth", "Login"), "$SRV.PING", "$SRV.INFO.auth", "$SRV.STATS.auth.x"},
		},
		"rooms": {
			user:         permission.Rooms,
			publish:      []string{subject.RoomEvent(room), subject.SessionsRevoked, subject.RPC("auth", "Login"), subject.Head(1)},
			subscribe:    []string{subject.RoomAll(room), subject.InAll, subject.RPC("auth", "*"), "_INBOX.>"},
			mayPublish:   []string{subject.In(room), subject.RPC("message-store", "PurgeRoom")},
			maySubscribe: []string{subject.RPC("rooms", "*")},
		},
		"message-store": {
			user:         permission.MessageStore,
			publish:      []string{subject.SessionsRevoked, subject.RPC("auth", "Login"), subject.RoomsChanged, subject.In(room)},
			subscribe:    []string{subject.RoomAll(room), subject.RPC("auth", "*"), "_INBOX.>", subject.SessionsRevoked},
			mayPublish:   []string{subject.RoomEvent(room), subject.RPC("rooms", "GetSnapshot")},
			maySubscribe: []string{subject.InAnyAll, subject.InPartition(3)},
		},
		"an operator": {
			user:         permission.Operator,
			publish:      []string{subject.RPC("auth", "Login"), subject.In(room)},
			subscribe:    []string{"natter.>", "_INBOX.>"},
			mayPublish:   []string{"$SRV.PING", "$SRV.STATS.auth"},
			maySubscribe: []string{bus.InboxPrefix(permission.Operator) + ".*"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused := make(chan error, 100) // what the server says no to arrives in its order
			nc, err := bus.Connect(t.Context(), server.Config(tt.user), tt.user, slog.New(slog.DiscardHandler),
				nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			publish := func(subject string) error { return nc.Publish(subject, nil) }
			subscribe := func(subject string) error { _, err := nc.SubscribeSync(subject); return err }
			do := func(what func(string) error, subjects ...string) {
				for _, s := range subjects {
					if err := what(s); err != nil {
						t.Fatal(err)
					}
				}
			}
			do(publish, tt.mayPublish...)
			do(subscribe, tt.maySubscribe...)
			do(publish, tt.publish...)
			do(subscribe, tt.subscribe...)
			do(publish, "the.end")
			for _, want := range slices.Concat(tt.publish, tt.subscribe, []string{"the.end"}) {
				err := <-refused
				if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), strconv.Quote(want)) {
					t.Fatalf("refused: %v, want %s", err, want)
				}
			}
		})
	}
}

// Who has another key, or none, does not get in.
func TestStrangers(t *testing.T) {
	t.Parallel()
	server := permissiontest.Start(t)
	other := permissiontest.Start(t).Config(permission.Auth)
	other.URL = server.Config(permission.Auth).URL
	for name, opts := range map[string][]nats.Option{"no key": nil, "a password": {nats.UserInfo("auth", "auth")}} {
		if nc, err := nats.Connect(other.URL, opts...); err == nil {
			nc.Close()
			t.Errorf("%s: let in", name)
		}
	}
	if nc, err := bus.Connect(t.Context(), server.Config(permission.Auth), "auth", slog.New(slog.DiscardHandler)); err != nil {
		t.Error(err)
	} else {
		nc.Close()
	}
	if _, err := bus.Connect(t.Context(), bus.Config{URL: other.URL, NKey: "SUBAD"}, "auth", slog.New(slog.DiscardHandler)); err == nil ||
		!strings.Contains(err.Error(), "NATTER_NATS_NKEY") || strings.Contains(err.Error(), "SUBAD") {
		t.Errorf("a seed that is none: %v", err)
	}
}

func TestUnknownUser(t *testing.T) {
	t.Parallel()
	if _, err := permission.Of("mallory"); err == nil {
		t.Error("there is a user mallory")
	}
}
