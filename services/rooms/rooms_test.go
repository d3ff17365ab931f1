package rooms_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/app"
	"github.com/natter-chat/natter/pkg/config"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/testkit"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
	"github.com/natter-chat/natter/services/rooms"
)

// One room from its making to its end, over each engine.
func TestTheLifeOfARoom(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		url   func(testing.TB) string
		check string
	}{
		"SQLite":     {func(testing.TB) string { return "" }, "rooms-sqlite"},
		"PostgreSQL": {testkit.Postgres, "rooms-postgres"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, map[string]string{"NATTER_POSTGRES_URL": tc.url(t)})
			ada, bob, eve := w.person("ada"), w.person("bob"), w.person("eve")

			r := ada.create("  Reading group ", false)
			if r.GetName() != "Reading group" || r.GetDescription() != "about   Reading group" || r.GetIsPrivate() || r.GetMemberCount() != 1 ||
				!proto.Equal(r.GetCreator(), ada.ref) || len(r.GetMembers()) != 1 || r.GetCreatedAt().AsTime().After(time.Now()) {
				t.Errorf("created %v", r)
			}
			if story := w.story(r.GetId()); story != "ada joined as owner" {
				t.Errorf("the log of the new room says: %s", story)
			}
			joined := must[*chatv1.Room](t)(bob.join(r.GetId()))
			if joined.GetMemberCount() != 2 || len(joined.GetMembers()) != 2 || !proto.Equal(joined.GetMembers()[1], bob.ref) {
				t.Errorf("joined %v", joined)
			}
			if again := must[*chatv1.Room](t)(bob.join(r.GetId())); !proto.Equal(again, joined) {
				t.Errorf("joined twice: %v, want %v", again, joined)
			}
			if seen := must[*chatv1.Room](t)(eve.get(r.GetId())); !proto.Equal(seen, joined) {
				t.Errorf("seen %v, want %v", seen, joined)
			}
			members := must[[]*chatv1.Member](t)(eve.members(r.GetId()))
			if len(members) != 2 || members[0].GetRole() != "owner" || members[1].GetRole() != "member" || !proto.Equal(members[1].GetUser(), bob.ref) {
				t.Errorf("members %v", members)
			}

			w.wantCode(ada.leave(r.GetId()), fault.PermissionDenied)
			w.wantCode(bob.leave(r.GetId()), "")
			w.wantCode(bob.leave(r.GetId()), "")
			w.wantCode(ada.leave(r.GetId()), "")
			must[*chatv1.Room](t)(eve.join(r.GetId()))
			const want = "ada joined as owner, bob joined as member, bob left by bob, ada left by ada, eve joined as owner"
			if story := w.story(r.GetId()); story != want {
				t.Errorf("the log says: %s\nwant: %s", story, want)
			}
			_, checks := w.ready.Check(t.Context())
			if checks["nats"] != "ok" || checks[tc.check] != "ok" {
				t.Errorf("readiness %v", checks)
			}
		})
	}
}

// What is remembered of memberships follows their changes.
func TestMembershipsAreRemembered(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	ada, bob := w.person("ada"), w.person("bob")
	r := ada.create("one", true).GetId()
	batch := func() []*roomsv1.ListMembershipsResponse {
		return must[*roomsv1.BatchListMembershipsResponse](t)(call[*roomsv1.BatchListMembershipsResponse](ada, "BatchListMemberships",
			&roomsv1.BatchListMembershipsRequest{UserIds: []string{ada.id.String(), bob.id.String()}})).GetUsers()
	}
	count := func(list []*roomsv1.ListMembershipsResponse) (n []int) {
		for _, u := range list {
			n = append(n, len(u.GetMemberships()))
		}
		return n
	}
	if got := batch(); !slices.Equal(count(got), []int{1, 0}) || got[0].GetMemberships()[0].GetRole() != "owner" ||
		!proto.Equal(got[0].GetMemberships()[0].GetRoom().GetCreator(), ada.ref) {
		t.Errorf("memberships %v", got)
	}
	for range 5 {
		must[*chatv1.Member](t)(ada.add(r, bob))
		w.await(func() bool { return slices.Equal(count(batch()), []int{1, 1}) })
		if m := batch()[0].GetMemberships()[0]; m.GetRoom().GetMemberCount() != 2 || m.GetVersion() != batch()[1].GetMemberships()[0].GetVersion() {
			t.Errorf("ada's room is %v", m)
		}
		w.wantCode(ada.remove(r, bob, false), "")
		w.await(func() bool { return slices.Equal(count(batch()), []int{1, 0}) })
	}
	for name, users := range map[string][]string{"none": nil, "too many": make([]string, 101), "not an id": {"ada"}} {
		_, err := call[*roomsv1.BatchListMembershipsResponse](ada, "BatchListMemberships", &roomsv1.BatchListMembershipsRequest{UserIds: users})
		if f := fault.From(err); f.Code != fault.InvalidArgument || f.Field != "userIds" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A private room does not exist for those outside, whatever they try.
func TestAPrivateRoomIsHidden(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	ada, bob, eve := w.person("ada"), w.person("bob"), w.person("eve")
	r := ada.create("secret", true).GetId()
	ada.create("public", false)
	if m := must[*chatv1.Member](t)(ada.add(r, bob)); m.GetRole() != "member" || !proto.Equal(m.GetUser(), bob.ref) || m.GetJoinedAt() == nil {
		t.Errorf("added %v", m)
	}
	must[*chatv1.Member](t)(ada.add(r, bob)) // twice is not an error

	nowhere := ids.New[ids.Room]().String()
	for what, try := range map[string]func(room string) error{
		"get":     func(room string) error { _, err := eve.get(room); return err },
		"join":    func(room string) error { _, err := eve.join(room); return err },
		"leave":   eve.leave,
		"members": func(room string) error { _, err := eve.members(room); return err },
		"add":     func(room string) error { _, err := eve.add(room, eve); return err },
		"kick":    func(room string) error { return eve.remove(room, bob, false) },
		"ban":     func(room string) error { return eve.remove(room, ada, true) },
	} {
		hidden, missing := fault.From(try(r)), fault.From(try(nowhere))
		if hidden.Code != fault.NotFound || hidden.Message != missing.Message {
			t.Errorf("%s a private room: %v; a room that is not there: %v", what, hidden, missing)
		}
	}
	for p, want := range map[*person][]string{bob: {"public", "secret"}, eve: {"public"}} {
		if got := p.list(&roomsv1.ListRoomsRequest{}); !slices.Equal(got, want) {
			t.Errorf("%s sees %q, want %q", p.ref.GetUsername(), got, want)
		}
	}
	if got := must[*chatv1.Room](t)(bob.get(r)); got.GetMemberCount() != 2 {
		t.Errorf("a member sees %v", got)
	}
}

func TestRemovingMembers(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	ada, bob, eve := w.person("ada"), w.person("bob"), w.person("eve")
	r := ada.create("lobby", false).GetId()
	for _, p := range []*person{bob, eve} {
		must[*chatv1.Room](t)(p.join(r))
	}
	w.wantCode(bob.remove(r, eve, false), fault.PermissionDenied)
	w.wantCode(ada.remove(r, bob, false), "")
	w.wantCode(ada.remove(r, bob, false), "") // gone already
	must[*chatv1.Room](t)(bob.join(r))        // a kick is not for ever
	w.auth.Down.Store(true)
	w.wantCode(ada.remove(r, eve, true), "") // who is a member can be banned without auth
	w.auth.Down.Store(false)
	_, err := eve.join(r)
	w.wantCode(err, fault.PermissionDenied)
	_, err = ada.add(r, eve)
	w.wantCode(err, fault.PermissionDenied)

	stranger, nobody := w.person("stranger"), &person{w: w, id: ids.New[ids.User]()}
	w.wantCode(ada.remove(r, stranger, true), "")
	_, err = stranger.join(r)
	w.wantCode(err, fault.PermissionDenied)
	w.wantCode(ada.remove(r, nobody, true), fault.NotFound)
	_, err = ada.add(r, nobody)
	w.wantCode(err, fault.NotFound)

	const want = "ada joined as owner, bob joined as member, eve joined as member, bob kicked by ada, bob joined as member, " +
		"eve banned by ada, stranger banned by ada"
	if story := w.story(r); story != want {
		t.Errorf("the log says: %s\nwant: %s", story, want)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	ada, bob := w.person("ada"), w.person("bob")
	var rooms []*chatv1.Room
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		rooms = append(rooms, ada.create(name, false))
	}
	for _, i := range []int{0, 2, 3} {
		must[*chatv1.Room](t)(bob.join(rooms[i].GetId()))
	}
	for _, tc := range []struct {
		req  *roomsv1.ListRoomsRequest
		want string
	}{
		{&roomsv1.ListRoomsRequest{}, "e d c b a"},
		{&roomsv1.ListRoomsRequest{Limit: 2}, "e d"},
		{&roomsv1.ListRoomsRequest{Limit: 2, After: rooms[3].GetId()}, "c b"},
		{&roomsv1.ListRoomsRequest{After: rooms[0].GetId()}, ""},
		{&roomsv1.ListRoomsRequest{Joined: true}, "d c a"},
		{&roomsv1.ListRoomsRequest{Joined: true, After: rooms[3].GetId(), Limit: 1}, "c"},
	} {
		if got := strings.Join(bob.list(tc.req), " "); got != tc.want {
			t.Errorf("list %v: %s, want %s", tc.req, got, tc.want)
		}
	}

	memberships := func(req *roomsv1.ListMembershipsRequest) *roomsv1.ListMembershipsResponse {
		req.UserId = bob.id.String()
		return must[*roomsv1.ListMembershipsResponse](t)(call[*roomsv1.ListMembershipsResponse](bob, "ListMemberships", req))
	}
	first := memberships(&roomsv1.ListMembershipsRequest{Limit: 2})
	if len(first.GetMemberships()) != 2 || !first.GetMore() {
		t.Fatalf("first page %v", first)
	}
	if m := first.GetMemberships()[1]; m.GetRoom().GetName() != "c" || m.GetRole() != "member" || m.GetVersion() != 2 || !proto.Equal(m.GetRoom().GetCreator(), ada.ref) || len(m.GetRoom().GetMembers()) != 0 {
		t.Errorf("membership %v", m)
	}
	last := memberships(&roomsv1.ListMembershipsRequest{Limit: 2, After: rooms[2].GetId()})
	if len(last.GetMemberships()) != 1 || last.GetMore() || last.GetMemberships()[0].GetRoom().GetName() != "d" {
		t.Errorf("last page %v", last)
	}
	for room, want := range map[string]int{rooms[0].GetId(): 1, rooms[1].GetId(): 0, ids.New[ids.Room]().String(): 0} {
		if got := memberships(&roomsv1.ListMembershipsRequest{RoomId: room}); len(got.GetMemberships()) != want || got.GetMore() {
			t.Errorf("membership in one room: %v, want %d", got, want)
		}
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	w := start(t, map[string]string{"NATTER_ROOMS_PER_USER": "2"})
	ada := w.person("ada")
	room := ada.create("lobby", false).GetId()
	user := ada.id.String()
	for _, tc := range []struct {
		method string
		req    proto.Message
		field  string
	}{
		{"CreateRoom", &roomsv1.CreateRoomRequest{Name: " \t"}, "name"},
		{"CreateRoom", &roomsv1.CreateRoomRequest{Name: strings.Repeat("x", 101)}, "name"},
		{"CreateRoom", &roomsv1.CreateRoomRequest{Name: "x", Description: strings.Repeat("x", 1001)}, "description"},
		{"ListRooms", &roomsv1.ListRoomsRequest{After: ">"}, "after"},
		{"ListRooms", &roomsv1.ListRoomsRequest{Limit: 101}, "limit"},
		{"GetRoom", &roomsv1.GetRoomRequest{RoomId: "*"}, "roomId"},
		{"JoinRoom", &roomsv1.JoinRoomRequest{RoomId: strings.ToUpper(room)}, "roomId"},
		{"LeaveRoom", &roomsv1.LeaveRoomRequest{}, "roomId"},
		{"ListMembers", &roomsv1.ListMembersRequest{RoomId: room, After: "x"}, "after"},
		{"ListMembers", &roomsv1.ListMembersRequest{RoomId: room, After: ids.New[ids.User]().String()}, "after"},
		{"ListMembers", &roomsv1.ListMembersRequest{RoomId: room, Limit: 201}, "limit"},
		{"AddMember", &roomsv1.AddMemberRequest{RoomId: "x", UserId: user}, "roomId"},
		{"AddMember", &roomsv1.AddMemberRequest{RoomId: room, UserId: "x.y"}, "userId"},
		{"RemoveMember", &roomsv1.RemoveMemberRequest{RoomId: room}, "userId"},
		{"ListMemberships", &roomsv1.ListMembershipsRequest{}, "userId"},
		{"ListMemberships", &roomsv1.ListMembershipsRequest{UserId: user, RoomId: "x"}, "roomId"},
		{"ListMemberships", &roomsv1.ListMembershipsRequest{UserId: user, Limit: 201}, "limit"},
		{"GetSnapshot", &roomsv1.GetSnapshotRequest{RoomId: "x"}, "roomId"},
		{"GetSnapshot", &roomsv1.GetSnapshotRequest{RoomId: room, After: "x"}, "after"},
	} {
		_, err := call[*roomsv1.LeaveRoomResponse](ada, tc.method, tc.req)
		if f := fault.From(err); err == nil || f.Code != fault.InvalidArgument || f.Field != tc.field {
			t.Errorf("%s %v: %v, want invalid_argument of %s", tc.method, tc.req, err, tc.field)
		}
	}
	for _, method := range []string{"CreateRoom", "ListRooms", "GetRoom", "JoinRoom", "LeaveRoom", "ListMembers", "AddMember", "RemoveMember"} {
		_, err := call[*roomsv1.LeaveRoomResponse](&person{w: w}, method, &roomsv1.GetRoomRequest{RoomId: room})
		if fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%s as nobody: %v", method, err)
		}
	}
	ada.create("second", false)
	_, err := call[*chatv1.Room](ada, "CreateRoom", &roomsv1.CreateRoomRequest{Name: "third"})
	w.wantCode(err, fault.ResourceExhausted)
}

// While auth is away people read rooms without names, and nobody unknown is added.
func TestWithoutAuth(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.auth.Down.Store(true)
	ada, bob := w.person("ada"), w.person("bob")
	r := ada.create("lobby", false)
	if r.GetMembers()[0].GetId() != ada.id.String() || r.GetMembers()[0].GetUsername() != "" {
		t.Errorf("members %v, want an id without a name", r.GetMembers())
	}
	_, err := ada.add(r.GetId(), bob)
	w.wantCode(err, fault.Unavailable)
	must[*chatv1.Room](t)(bob.join(r.GetId())) // the token says who bob is
	if story := w.story(r.GetId()); story != "ada joined as owner, bob joined as member" {
		t.Errorf("the log says: %s", story)
	}
}

// While message-store is away a new room is there all the same, a change is pending and says so, and a retry after the
// outage finds it in the log, once.
func TestWithoutMessageStore(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	ada, bob := w.person("ada"), w.person("bob")
	lobby := ada.create("lobby", false).GetId()
	w.stopLog()
	var waiting errgroup.Group
	waiting.Go(func() error {
		_, err := bob.join(lobby)
		if f := fault.From(err); f.Code != fault.Unavailable || f.RetryAfter <= 0 {
			t.Errorf("join: %v, want unavailable and when to try again", err)
		}
		return nil
	})
	var second *chatv1.Room
	waiting.Go(func() (err error) {
		second, err = call[*chatv1.Room](ada, "CreateRoom", &roomsv1.CreateRoomRequest{Name: "second"})
		return err
	})
	if err := waiting.Wait(); err != nil {
		t.Fatal(err)
	}
	snap := must[*roomsv1.GetSnapshotResponse](t)(bob.snapshot(lobby, 1))
	if snap.GetVersion() != 2 || len(snap.GetMembers()) != 2 || len(snap.GetPending()) != 1 || snap.GetPending()[0].GetMemberJoined().GetVersion() != 2 {
		t.Errorf("snapshot %v", snap)
	}
	w.resumeLog()
	if r := must[*chatv1.Room](t)(bob.join(lobby)); r.GetMemberCount() != 2 {
		t.Errorf("joined %v", r)
	}
	if story := w.story(lobby); story != "ada joined as owner, bob joined as member" {
		t.Errorf("the log says: %s", story)
	}
	w.await(func() bool { return w.story(second.GetId()) == "ada joined as owner" }) // by itself
	if snap := must[*roomsv1.GetSnapshotResponse](t)(bob.snapshot(lobby, 2)); len(snap.GetPending()) != 0 || len(snap.GetMembers()[0].GetUserId()) != 16 {
		t.Errorf("snapshot %v", snap)
	}
}

// However many changes wait for message-store, it gets the snapshot without which it could not answer them.
func TestSnapshotsWhileChangesWait(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	ada, bob := w.person("ada"), w.person("bob")
	lobby := ada.create("lobby", false).GetId()
	w.stopLog()
	const slots = 256 // of one rpc server
	var joins sync.WaitGroup
	for range slots + 50 {
		joins.Go(func() { _, _ = bob.join(lobby) }) // all wait for the same change, for 4 s
	}
	waited := make(chan struct{})
	go func() { joins.Wait(); close(waited) }()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case <-waited:
			return
		case <-poll.C:
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		_, err := rpc.Call[*roomsv1.GetSnapshotResponse](ctx, w.client, "rooms", "GetSnapshot", &roomsv1.GetSnapshotRequest{RoomId: lobby, LogVersion: 1})
		cancel()
		if err != nil {
			t.Fatalf("snapshot: %v", err)
		}
	}
}

func TestStartAndStop(t *testing.T) {
	t.Parallel()
	settings := config.NewSource(map[string]string{"NATTER_NATS_URL": testkit.NATS(t), "NATTER_DATA_DIR": t.TempDir()})
	for range 50 {
		runner, err := rooms.Component.New(t.Context(), &app.Deps{
			Config: settings, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Ready: &app.Readiness{}, Grace: 10 * time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := runner.Run(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSettingsThatDoNotFit(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"NATTER_MEMBERS_PER_ROOM": "0", "NATTER_ROOMS_PER_USER": "many", "NATTER_POSTGRES_URL": "postgres://localhost:1/none",
	} {
		_, err := rooms.Component.New(t.Context(), &app.Deps{
			Config: config.NewSource(map[string]string{"NATTER_DATA_DIR": t.TempDir(), name: value}),
			Log:    slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Ready: &app.Readiness{}, Grace: time.Second,
		})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: %v, want an error that names it", name, value, err)
		}
	}
}
