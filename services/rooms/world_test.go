package rooms_test

import (
	"context"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/app"
	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/config"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/people/peopletest"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/testkit"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
	"github.com/natter-chat/natter/services/rooms"
	"github.com/natter-chat/natter/services/rooms/internal/peertest"
)

// world is rooms as it runs, between a bus, auth and message-store.
type world struct {
	*testing.T
	client  *rpc.Client
	auth    *peopletest.Auth
	log     *peertest.Log
	stopLog func()
	purger  *peertest.Purger
	ready   *app.Readiness
	url     string
	config  rooms.Config
}

// start starts rooms with settings besides those of the bus and the data directory.
func start(t *testing.T, settings map[string]string) *world {
	t.Helper()
	url := testkit.NATS(t)
	w := &world{T: t, url: url, client: rpc.NewClient(peertest.Connect(t, url)), auth: peopletest.StartAuth(t, url), ready: &app.Readiness{}}
	w.log, w.stopLog = peertest.StartLog(t, peertest.Connect(t, url))
	w.purger = peertest.StartPurger(t, url)
	values := map[string]string{"NATTER_NATS_URL": url, "NATTER_DATA_DIR": t.TempDir()}
	maps.Copy(values, settings)
	if err := config.NewSource(values).Load(&w.config); err != nil {
		t.Fatal(err)
	}
	runner, err := rooms.Component.New(t.Context(), &app.Deps{
		Config: config.NewSource(values), Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
		Ready: w.ready, Grace: 20 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := runner.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return w
}

// person is a signed-in user.
type person struct {
	w   *world
	id  ids.User
	ref *chatv1.UserRef
}

func (w *world) person(name string) *person {
	id := ids.New[ids.User]()
	return &person{w: w, id: id, ref: w.auth.Add(id, name)}
}

// call calls a method as p; as nobody when p has no id.
func call[Res proto.Message](p *person, method string, req proto.Message) (Res, error) {
	ctx := context.Background()
	if !p.id.IsZero() {
		ctx = rpc.WithCaller(ctx, authn.Caller{User: p.id, Username: p.ref.GetUsername(), Avatar: p.ref.GetAvatar()})
	}
	return rpc.Call[Res](ctx, p.w.client, "rooms", method, req)
}

func must[Res any](t *testing.T) func(Res, error) Res {
	t.Helper()
	return func(res Res, err error) Res {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
}

func (p *person) create(name string, private bool) *chatv1.Room {
	p.w.Helper()
	req := &roomsv1.CreateRoomRequest{Name: name, Description: "about " + name, IsPrivate: private}
	return must[*chatv1.Room](p.w.T)(call[*chatv1.Room](p, "CreateRoom", req))
}

func (p *person) join(room string) (*chatv1.Room, error) {
	return call[*chatv1.Room](p, "JoinRoom", &roomsv1.JoinRoomRequest{RoomId: room})
}

func (p *person) leave(room string) error {
	_, err := call[*roomsv1.LeaveRoomResponse](p, "LeaveRoom", &roomsv1.LeaveRoomRequest{RoomId: room})
	return err
}

func (p *person) get(room string) (*chatv1.Room, error) {
	return call[*chatv1.Room](p, "GetRoom", &roomsv1.GetRoomRequest{RoomId: room})
}

func (p *person) list(req *roomsv1.ListRoomsRequest) (names []string) {
	p.w.Helper()
	for _, r := range must[*roomsv1.ListRoomsResponse](p.w.T)(call[*roomsv1.ListRoomsResponse](p, "ListRooms", req)).GetRooms() {
		names = append(names, r.GetName())
	}
	return names
}

func (p *person) members(room string) ([]*chatv1.Member, error) {
	res, err := call[*roomsv1.ListMembersResponse](p, "ListMembers", &roomsv1.ListMembersRequest{RoomId: room})
	return res.GetMembers(), err
}

func (p *person) add(room string, other *person) (*chatv1.Member, error) {
	return call[*chatv1.Member](p, "AddMember", &roomsv1.AddMemberRequest{RoomId: room, UserId: other.id.String()})
}

func (p *person) remove(room string, other *person, ban bool) error {
	_, err := call[*roomsv1.RemoveMemberResponse](p, "RemoveMember", &roomsv1.RemoveMemberRequest{RoomId: room, UserId: other.id.String(), Ban: ban})
	return err
}

func (p *person) snapshot(room string, logVersion uint32) (*roomsv1.GetSnapshotResponse, error) {
	return call[*roomsv1.GetSnapshotResponse](p, "GetSnapshot", &roomsv1.GetSnapshotRequest{RoomId: room, LogVersion: logVersion})
}

func (w *world) wantCode(err error, want fault.Code) {
	w.Helper()
	if got := fault.CodeOf(err); got != want {
		w.Errorf("got %v, want code %q", err, want)
	}
}

// story is a room's log in words.
func (w *world) story(room string) string {
	var parts []string
	for _, c := range w.log.Events(room) {
		if j := c.GetMemberJoined(); j != nil {
			parts = append(parts, j.GetUser().GetUsername()+" joined as "+j.GetRole())
		}
		if l := c.GetMemberLeft(); l != nil {
			parts = append(parts, strings.TrimSpace(l.GetUser().GetUsername()+" "+l.GetReason()+" by "+c.GetActor().GetUsername()+" "+l.GetNote()))
		}
		if u := c.GetRoomUpdated(); u.GetIsDeleted() {
			parts = append(parts, "deleted by "+c.GetActor().GetUsername())
		} else if u != nil {
			parts = append(parts, "called "+u.GetName()+" by "+c.GetActor().GetUsername())
		}
	}
	return strings.Join(parts, ", ")
}

// resumeLog brings message-store back after stopLog.
func (w *world) resumeLog() {
	w.Helper()
	w.stopLog = w.log.Resume(peertest.Connect(w.T, w.url))
}

// await polls until done.
func (w *world) await(done func() bool) {
	w.Helper()
	deadline := time.After(20 * time.Second)
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for !done() {
		select {
		case <-poll.C:
		case <-deadline:
			w.Fatal("it did not happen in time")
		}
	}
}
