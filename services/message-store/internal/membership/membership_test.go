package membership_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/testkit"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
	"github.com/natter-chat/natter/services/message-store/internal/membership"
	"github.com/natter-chat/natter/services/message-store/internal/room"
)

// serve runs the rooms service's end and returns a client of it.
func serve(t *testing.T, answer func(*roomsv1.GetSnapshotRequest) (*roomsv1.GetSnapshotResponse, error)) *membership.Client {
	t.Helper()
	nc, err := nats.Connect(testkit.NATS(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	s, err := rpc.NewServer(nc, "rooms", slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	if err := rpc.Handle(s, "GetSnapshot", func(_ context.Context, req *roomsv1.GetSnapshotRequest) (*roomsv1.GetSnapshotResponse, error) {
		return answer(req)
	}); err != nil {
		t.Fatal(err)
	}
	return membership.NewClient(rpc.NewClient(nc))
}

// A snapshot of several pages is of one version: when the room changes between two pages it is read anew.
func TestPagesAreOfOneVersion(t *testing.T) {
	t.Parallel()
	users := []ids.User{ids.New[ids.User](), ids.New[ids.User](), ids.New[ids.User]()}
	var calls atomic.Int32
	c := serve(t, func(req *roomsv1.GetSnapshotRequest) (*roomsv1.GetSnapshotResponse, error) {
		n := calls.Add(1)
		res := &roomsv1.GetSnapshotResponse{Version: 7}
		if n > 1 {
			res.Version = 8 // it changes after the first page of the first read
		}
		switch req.GetAfter() {
		case "":
			res.Room = &chatv1.Room{Kind: "group", IsArchived: true, IsAnnouncement: true, SlowModeSeconds: 30}
			res.Members, res.More = []*roomsv1.SnapshotMember{{UserId: users[0][:], Role: "owner"}}, true
			res.Pending = []*busv1.Command{{Nonce: "natter:v7"}}
		case users[0].String():
			res.Members, res.More = []*roomsv1.SnapshotMember{{UserId: users[1][:], Role: "member", MutedUntil: 1234}}, true
		case users[1].String():
			res.Members = []*roomsv1.SnapshotMember{{UserId: users[2][:], Role: "a role of the future"}}
		}
		return res, nil
	})
	s, err := c.Snapshot(t.Context(), ids.New[ids.Room](), 6)
	if err != nil {
		t.Fatal(err)
	}
	if s.Version != 8 || len(s.Members) != 3 || len(s.Pending) != 1 || calls.Load() != 5 {
		t.Errorf("snapshot %+v after %d calls", s, calls.Load())
	}
	if want := (room.Settings{Kind: role.Group, Archived: true, Announcement: true, SlowMode: 30 * time.Second}); s.Settings != want {
		t.Errorf("settings %+v, want %+v", s.Settings, want)
	}
	if until := s.Members[users[1]].MutedUntil; until != 1234 {
		t.Errorf("muted until %d", until)
	}
	for i, want := range []role.Role{role.Owner, role.Member, "a role of the future"} {
		if got := s.Members[users[i]].Role; got != want {
			t.Errorf("role of user %d: %q, want %q", i, got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer func(*roomsv1.GetSnapshotRequest) (*roomsv1.GetSnapshotResponse, error)
		want   fault.Code
	}{
		"no such room": {func(*roomsv1.GetSnapshotRequest) (*roomsv1.GetSnapshotResponse, error) {
			return nil, fault.New(fault.NotFound, "no")
		}, fault.NotFound},
		"malformed user": {func(*roomsv1.GetSnapshotRequest) (*roomsv1.GetSnapshotResponse, error) {
			return &roomsv1.GetSnapshotResponse{Members: []*roomsv1.SnapshotMember{{UserId: []byte("short")}}}, nil
		}, fault.Internal},
		"never the same": {func() func(*roomsv1.GetSnapshotRequest) (*roomsv1.GetSnapshotResponse, error) {
			var version atomic.Uint32
			return func(*roomsv1.GetSnapshotRequest) (*roomsv1.GetSnapshotResponse, error) {
				id := ids.New[ids.User]()
				return &roomsv1.GetSnapshotResponse{Version: version.Add(1), More: true, Members: []*roomsv1.SnapshotMember{{UserId: id[:]}}}, nil
			}
		}(), fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := serve(t, tt.answer).Snapshot(t.Context(), ids.New[ids.Room](), 0); fault.CodeOf(err) != tt.want {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}
