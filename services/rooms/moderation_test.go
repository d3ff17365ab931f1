package rooms_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/testkit"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
)

func (p *person) update(req *roomsv1.UpdateRoomRequest) (*chatv1.Room, error) {
	return call[*chatv1.Room](p, "UpdateRoom", req)
}

func (p *person) setMember(room string, other *person, as *string, muted *uint32) (*chatv1.Member, error) {
	return call[*chatv1.Member](p, "SetMember", &roomsv1.SetMemberRequest{RoomId: room, UserId: other.id.String(), Role: as, MutedSeconds: muted})
}

func (p *person) transfer(room string, other *person) (*chatv1.Room, error) {
	return call[*chatv1.Room](p, "TransferRoom", &roomsv1.TransferRoomRequest{RoomId: room, UserId: other.id.String()})
}

func (p *person) ban(room string, other *person, reason string, seconds uint32) (*roomsv1.Ban, error) {
	return call[*roomsv1.Ban](p, "BanUser", &roomsv1.BanUserRequest{RoomId: room, UserId: other.id.String(), Reason: reason, Seconds: seconds})
}

func (p *person) bans(room string) ([]*roomsv1.Ban, error) {
	res, err := call[*roomsv1.ListBansResponse](p, "ListBans", &roomsv1.ListBansRequest{RoomId: room})
	return res.GetBans(), err
}

func (p *person) liftBan(room string, other *person) error {
	_, err := call[*roomsv1.LiftBanResponse](p, "LiftBan", &roomsv1.LiftBanRequest{RoomId: room, UserId: other.id.String()})
	return err
}

func (p *person) deleteRoom(room string) error {
	_, err := call[*roomsv1.DeleteRoomResponse](p, "DeleteRoom", &roomsv1.DeleteRoomRequest{RoomId: room})
	return err
}

// batch is the caller's rooms as a gateway gets them for a welcome, from memory where it can.
func (p *person) batch() []*roomsv1.Membership {
	p.w.Helper()
	res := must[*roomsv1.BatchListMembershipsResponse](p.w.T)(call[*roomsv1.BatchListMembershipsResponse](p, "BatchListMemberships",
		&roomsv1.BatchListMembershipsRequest{UserIds: []string{p.id.String()}}))
	return res.GetUsers()[0].GetMemberships()
}

// What is not given stays; what changes is in the log, and in what is remembered of the room for everybody in it.
func TestUpdatingARoom(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	ada, bob := w.person("ada"), w.person("bob")
	made := must[*chatv1.Room](t)(call[*chatv1.Room](ada, "CreateRoom", &roomsv1.CreateRoomRequest{
		Name: "lobby", Topic: " today ", Avatar: "/a.png", IsAnnouncement: true, SlowModeSeconds: 30,
	}))
	if made.GetKind() != "room" || made.GetTopic() != "today" || made.GetAvatar() != "/a.png" || !made.GetIsAnnouncement() || made.GetSlowModeSeconds() != 30 {
		t.Errorf("created %v", made)
	}
	r := made.GetId()
	must[*chatv1.Room](t)(bob.join(r))
	w.await(func() bool { return len(bob.batch()) == 1 })

	after := must[*chatv1.Room](t)(ada.update(&roomsv1.UpdateRoomRequest{RoomId: r, Name: new(" New "), Topic: new(""), SlowModeSeconds: new(uint32(0))}))
	if after.GetName() != "New" || after.GetTopic() != "" || after.GetSlowModeSeconds() != 0 || after.GetAvatar() != "/a.png" ||
		!after.GetIsAnnouncement() || after.GetMemberCount() != 2 || !after.GetUpdatedAt().AsTime().After(made.GetUpdatedAt().AsTime()) {
		t.Errorf("updated %v", after)
	}
	w.await(func() bool { return bob.batch()[0].GetRoom().GetName() == "New" && bob.batch()[0].GetVersion() == 3 })
	snap := must[*roomsv1.GetSnapshotResponse](t)(bob.snapshot(r, 3))
	if snap.GetRoom().GetName() != "New" || !snap.GetRoom().GetIsAnnouncement() || snap.GetRoom().GetKind() != "room" || snap.GetVersion() != 3 {
		t.Errorf("snapshot %v", snap)
	}
	must[*chatv1.Room](t)(ada.update(&roomsv1.UpdateRoomRequest{RoomId: r, Name: new("New")})) // as it is: no event
	_, err := bob.update(&roomsv1.UpdateRoomRequest{RoomId: r, Name: new("Bob's")})
	w.wantCode(err, fault.PermissionDenied)
	must[*chatv1.Room](t)(ada.update(&roomsv1.UpdateRoomRequest{RoomId: r, IsArchived: new(true)}))
	_, err = ada.update(&roomsv1.UpdateRoomRequest{RoomId: r, Name: new("late")})
	w.wantCode(err, fault.PermissionDenied)
	must[*chatv1.Room](t)(ada.update(&roomsv1.UpdateRoomRequest{RoomId: r, IsArchived: new(false), Name: new("again")}))
	const want = "ada joined as owner, bob joined as member, called New by ada, called New by ada, called again by ada"
	if story := w.story(r); story != want {
		t.Errorf("the log says: %s\nwant: %s", story, want)
	}
}

// A room is given away, roles are given and taken, and only the last one leaves a room without an owner.
func TestRolesInARoom(t *testing.T) {
	t.Parallel()
	w := start(t, map[string]string{"NATTER_POSTGRES_URL": testkit.Postgres(t)})
	ada, bob, eve := w.person("ada"), w.person("bob"), w.person("eve")
	r := ada.create("lobby", true).GetId()
	for _, p := range []*person{bob, eve} {
		must[*chatv1.Member](t)(ada.add(r, p))
	}
	m := must[*chatv1.Member](t)(ada.setMember(r, bob, new("moderator"), nil))
	if m.GetRole() != "moderator" || !proto.Equal(m.GetUser(), bob.ref) || m.GetMutedUntil() != nil {
		t.Errorf("bob is %v", m)
	}
	_, err := bob.setMember(r, eve, new("read_only"), nil)
	w.wantCode(err, fault.PermissionDenied)
	m = must[*chatv1.Member](t)(bob.setMember(r, eve, nil, new(uint32(3600))))
	if left := time.Until(m.GetMutedUntil().AsTime()); left < 50*time.Minute || left > time.Hour || m.GetRole() != "member" {
		t.Errorf("eve is %v, muted for %s", m, left)
	}
	w.await(func() bool { return eve.batch()[0].GetMutedUntil() != nil })
	members := must[[]*chatv1.Member](t)(bob.members(r))
	if !proto.Equal(members[2], m) {
		t.Errorf("members %v, want %v in it", members, m)
	}
	snap := must[*roomsv1.GetSnapshotResponse](t)(bob.snapshot(r, 5))
	muted := slices.IndexFunc(snap.GetMembers(), func(m *roomsv1.SnapshotMember) bool { return m.GetMutedUntil() != 0 })
	if muted < 0 || ids.User(snap.GetMembers()[muted].GetUserId()) != eve.id || snap.GetMembers()[muted].GetMutedUntil() != m.GetMutedUntil().AsTime().UnixMilli() {
		t.Errorf("snapshot %v", snap)
	}
	m = must[*chatv1.Member](t)(bob.setMember(r, eve, nil, new(uint32(0))))
	if m.GetMutedUntil() != nil {
		t.Errorf("eve is still muted: %v", m)
	}

	w.wantCode(ada.leave(r), fault.PermissionDenied)
	_, err = bob.transfer(r, eve)
	w.wantCode(err, fault.PermissionDenied)
	must[*chatv1.Room](t)(ada.transfer(r, bob))
	must[*chatv1.Room](t)(ada.transfer(r, bob)) // the answer was lost
	w.wantCode(ada.leave(r), "")
	w.wantCode(bob.leave(r), fault.PermissionDenied)
	w.wantCode(eve.leave(r), "")
	w.wantCode(bob.leave(r), "")
	const want = "ada joined as owner, bob joined as member, eve joined as member, bob joined as moderator, eve joined as member, " +
		"eve joined as member, bob joined as owner, ada joined as admin, ada left by ada, eve left by eve, bob left by bob"
	if story := w.story(r); story != want {
		t.Errorf("the log says: %s\nwant: %s", story, want)
	}
}

func TestBans(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	ada, bob, eve, mod := w.person("ada"), w.person("bob"), w.person("eve"), w.person("mod")
	r := ada.create("lobby", false).GetId()
	for _, p := range []*person{bob, mod} {
		must[*chatv1.Room](t)(p.join(r))
	}
	must[*chatv1.Member](t)(ada.setMember(r, mod, new("moderator"), nil))
	if got := must[[]*roomsv1.Ban](t)(mod.bans(r)); len(got) != 0 {
		t.Errorf("bans %v", got)
	}
	b := must[*roomsv1.Ban](t)(mod.ban(r, bob, " spam ", 3600))
	if !proto.Equal(b.GetUser(), bob.ref) || !proto.Equal(b.GetBy(), mod.ref) || b.GetReason() != "spam" ||
		b.GetExpiresAt().AsTime().Sub(b.GetCreatedAt().AsTime()) != time.Hour {
		t.Errorf("ban %v", b)
	}
	w.wantCode(ada.remove(r, eve, true), "")
	list := must[[]*roomsv1.Ban](t)(mod.bans(r))
	if len(list) != 2 || !proto.Equal(list[0].GetUser(), eve.ref) || list[0].GetExpiresAt() != nil || !proto.Equal(list[1], b) {
		t.Errorf("bans %v", list)
	}
	_, err := bob.join(r)
	w.wantCode(err, fault.PermissionDenied)
	_, err = bob.bans(r)
	w.wantCode(err, fault.PermissionDenied)
	w.wantCode(bob.liftBan(r, bob), fault.PermissionDenied)
	w.wantCode(mod.liftBan(r, bob), "")
	w.wantCode(mod.liftBan(r, bob), "")
	must[*chatv1.Room](t)(bob.join(r))
	_, err = call[*roomsv1.RemoveMemberResponse](mod, "RemoveMember", &roomsv1.RemoveMemberRequest{RoomId: r, UserId: bob.id.String(), Reason: "off topic"})
	w.wantCode(err, "")
	const want = "ada joined as owner, bob joined as member, mod joined as member, mod joined as moderator, bob banned by mod spam, " +
		"eve banned by ada, bob joined as member, bob kicked by mod off topic"
	if story := w.story(r); story != want {
		t.Errorf("the log says: %s\nwant: %s", story, want)
	}
}

// A deleted room is gone for its members at once, from what is remembered of them too, and is purged then.
func TestDeletingARoom(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	ada, bob := w.person("ada"), w.person("bob")
	r, other := ada.create("lobby", false).GetId(), ada.create("other", false).GetId()
	for _, room := range []string{r, other} {
		must[*chatv1.Room](t)(bob.join(room))
	}
	w.await(func() bool { return len(bob.batch()) == 2 && len(ada.batch()) == 2 })
	w.wantCode(bob.deleteRoom(r), fault.PermissionDenied)
	w.purger.Down.Store(true)
	w.wantCode(ada.deleteRoom(r), "")
	w.wantCode(ada.deleteRoom(r), fault.NotFound)
	_, err := bob.get(r)
	w.wantCode(err, fault.NotFound)
	for _, p := range []*person{ada, bob} {
		w.await(func() bool { return len(p.batch()) == 1 })
		if got := p.list(&roomsv1.ListRoomsRequest{}); !slices.Equal(got, []string{"other"}) {
			t.Errorf("%s sees %q", p.ref.GetUsername(), got)
		}
	}
	if story := w.story(r); story != "ada joined as owner, bob joined as member, deleted by ada" {
		t.Errorf("the log says: %s", story)
	}
	if snap := must[*roomsv1.GetSnapshotResponse](t)(ada.snapshot(r, 3)); snap.GetVersion() != 3 || len(snap.GetMembers()) != 0 {
		t.Errorf("snapshot %v", snap)
	}
	w.purger.Down.Store(false)
	w.await(func() bool { return slices.Equal(w.purger.Purged(), []string{r}) })
}

func TestBadInputOfModerators(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	ada := w.person("ada")
	r, user := ada.create("lobby", false).GetId(), ada.id.String()
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, tc := range []struct {
		method string
		req    proto.Message
		field  string
	}{
		{"CreateRoom", &roomsv1.CreateRoomRequest{Name: "x", Topic: long(251)}, "topic"},
		{"CreateRoom", &roomsv1.CreateRoomRequest{Name: "x", Avatar: "javascript:alert(1)"}, "avatar"},
		{"CreateRoom", &roomsv1.CreateRoomRequest{Name: "x", SlowModeSeconds: 21601}, "slowModeSeconds"},
		{"UpdateRoom", &roomsv1.UpdateRoomRequest{RoomId: "x"}, "roomId"},
		{"UpdateRoom", &roomsv1.UpdateRoomRequest{RoomId: r, Name: new("")}, "name"},
		{"UpdateRoom", &roomsv1.UpdateRoomRequest{RoomId: r, Name: new("x"), Description: new(long(1001))}, "description"},
		{"UpdateRoom", &roomsv1.UpdateRoomRequest{RoomId: r, Topic: new("two\nlines")}, "topic"},
		{"UpdateRoom", &roomsv1.UpdateRoomRequest{RoomId: r, Avatar: new("//example.org/a.png")}, "avatar"},
		{"UpdateRoom", &roomsv1.UpdateRoomRequest{RoomId: r, SlowModeSeconds: new(uint32(21601))}, "slowModeSeconds"},
		{"DeleteRoom", &roomsv1.DeleteRoomRequest{RoomId: "x"}, "roomId"},
		{"TransferRoom", &roomsv1.TransferRoomRequest{RoomId: "x", UserId: user}, "roomId"},
		{"TransferRoom", &roomsv1.TransferRoomRequest{RoomId: r, UserId: "x"}, "userId"},
		{"TransferRoom", &roomsv1.TransferRoomRequest{RoomId: r, UserId: user}, "userId"},
		{"SetMember", &roomsv1.SetMemberRequest{RoomId: r, UserId: "x"}, "userId"},
		{"SetMember", &roomsv1.SetMemberRequest{RoomId: r, UserId: user, Role: new("tsar")}, "role"},
		{"SetMember", &roomsv1.SetMemberRequest{RoomId: r, UserId: user, Role: new("")}, "role"},
		{"SetMember", &roomsv1.SetMemberRequest{RoomId: r, UserId: user, MutedSeconds: new(uint32(365*24*60*60 + 1))}, "mutedSeconds"},
		{"RemoveMember", &roomsv1.RemoveMemberRequest{RoomId: r, UserId: user, Reason: long(501)}, "reason"},
		{"BanUser", &roomsv1.BanUserRequest{RoomId: r, UserId: "x"}, "userId"},
		{"BanUser", &roomsv1.BanUserRequest{RoomId: r, UserId: user, Reason: "\x00"}, "reason"},
		{"LiftBan", &roomsv1.LiftBanRequest{RoomId: r, UserId: "x"}, "userId"},
		{"ListBans", &roomsv1.ListBansRequest{RoomId: "x"}, "roomId"},
		{"ListBans", &roomsv1.ListBansRequest{RoomId: r, After: user}, "after"},
		{"ListBans", &roomsv1.ListBansRequest{RoomId: r, Limit: 101}, "limit"},
	} {
		_, err := call[*roomsv1.LeaveRoomResponse](ada, tc.method, tc.req)
		if f := fault.From(err); err == nil || f.Code != fault.InvalidArgument || f.Field != tc.field {
			t.Errorf("%s %v: %v, want invalid_argument of %s", tc.method, tc.req, err, tc.field)
		}
	}
	for _, method := range []string{"UpdateRoom", "DeleteRoom", "TransferRoom", "SetMember", "BanUser", "ListBans", "LiftBan"} {
		_, err := call[*roomsv1.LeaveRoomResponse](&person{w: w}, method, &roomsv1.GetRoomRequest{RoomId: r})
		if fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%s as nobody: %v", method, err)
		}
	}
	stranger := w.person("stranger")
	secret := ada.create("secret", true).GetId()
	for what, try := range map[string]func() error{
		"update": func() error {
			_, err := stranger.update(&roomsv1.UpdateRoomRequest{RoomId: secret, Name: new("x")})
			return err
		},
		"delete":   func() error { return stranger.deleteRoom(secret) },
		"transfer": func() error { _, err := stranger.transfer(secret, ada); return err },
		"set":      func() error { _, err := stranger.setMember(secret, ada, new("member"), nil); return err },
		"ban":      func() error { _, err := stranger.ban(secret, ada, "", 0); return err },
		"bans":     func() error { _, err := stranger.bans(secret); return err },
		"lift":     func() error { return stranger.liftBan(secret, ada) },
	} {
		if err := try(); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s in a private room: %v", what, err)
		}
	}
}
