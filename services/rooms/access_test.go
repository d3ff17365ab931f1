package rooms_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
	"github.com/natter-chat/natter/services/rooms/internal/peertest"
)

// events are what the gateways of a user hear.
type events struct {
	w   *world
	sub *nats.Subscription
}

func (p *person) events() events {
	p.w.Helper()
	nc := peertest.Connect(p.w.T, p.w.url)
	sub, err := nc.SubscribeSync(subject.UserEvent(p.id))
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		p.w.Fatal(err)
	}
	return events{p.w, sub}
}

// next is the next one that is not about a membership.
func (e events) next() *busv1.UserEvent {
	e.w.Helper()
	for {
		msg, err := e.sub.NextMsg(20 * time.Second)
		if err != nil {
			e.w.Fatal(err)
		}
		var ev busv1.UserEvent
		if err := proto.Unmarshal(msg.Data, &ev); err != nil {
			e.w.Fatal(err)
		}
		if ev.GetMembership() == nil {
			return &ev
		}
	}
}

func (p *person) invite(room string, other *person) (*roomsv1.RoomInvitation, error) {
	return call[*roomsv1.RoomInvitation](p, "InviteToRoom", &roomsv1.InviteToRoomRequest{RoomId: room, UserId: other.id.String()})
}

func (p *person) accept(invitation string) (*chatv1.Room, error) {
	return call[*chatv1.Room](p, "AcceptRoomInvitation", &roomsv1.AcceptRoomInvitationRequest{InvitationId: invitation})
}

func (p *person) decline(invitation string) error {
	_, err := call[*roomsv1.DeclineRoomInvitationResponse](p, "DeclineRoomInvitation", &roomsv1.DeclineRoomInvitationRequest{InvitationId: invitation})
	return err
}

func (p *person) revoke(room, invitation string) error {
	_, err := call[*roomsv1.RevokeRoomInvitationResponse](p, "RevokeRoomInvitation", &roomsv1.RevokeRoomInvitationRequest{RoomId: room, InvitationId: invitation})
	return err
}

// invitations are those of p, or to a room as p sees them.
func (p *person) invitations(room string) (list []string, err error) {
	var all []*roomsv1.RoomInvitation
	if room == "" {
		res, failed := call[*roomsv1.ListMyInvitationsResponse](p, "ListMyInvitations", &roomsv1.ListMyInvitationsRequest{})
		all, err = res.GetInvitations(), failed
	} else {
		res, failed := call[*roomsv1.ListRoomInvitationsResponse](p, "ListRoomInvitations", &roomsv1.ListRoomInvitationsRequest{RoomId: room})
		all, err = res.GetInvitations(), failed
	}
	for _, i := range all {
		list = append(list, i.GetUser().GetUsername()+" to "+i.GetRoom().GetName()+" by "+i.GetBy().GetUsername())
	}
	return list, err
}

func TestInvitations(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	ada, bob, eve := w.person("ada"), w.person("bob"), w.person("eve")
	r := ada.create("secret", true).GetId()
	heard := bob.events()

	inv := must[*roomsv1.RoomInvitation](t)(ada.invite(r, bob))
	if inv.GetRoom().GetName() != "secret" || !proto.Equal(inv.GetUser(), bob.ref) || !proto.Equal(inv.GetBy(), ada.ref) ||
		inv.GetExpiresAt().AsTime().Sub(inv.GetCreatedAt().AsTime()) != 14*24*time.Hour || inv.GetRoom().GetMembers() != nil {
		t.Errorf("invited %v", inv)
	}
	want := &clientv1.Invited{InvitationId: inv.GetId(), Room: inv.GetRoom(), By: inv.GetBy()}
	if got := heard.next().GetInvited(); !proto.Equal(got, want) {
		t.Errorf("bob hears %v, want %v", got, want)
	}
	if again := must[*roomsv1.RoomInvitation](t)(ada.invite(r, bob)); !proto.Equal(again, inv) {
		t.Errorf("invited twice: %v, then %v", inv, again)
	}
	for p, room := range map[*person]string{bob: "", ada: r} {
		if got, err := p.invitations(room); err != nil || !slices.Equal(got, []string{"bob to secret by ada"}) {
			t.Errorf("%s sees %q, %v", p.ref.GetUsername(), got, err)
		}
	}

	// It is bob's: to others neither it nor the room exists.
	_, err := bob.get(r)
	w.wantCode(err, fault.NotFound)
	_, err = eve.accept(inv.GetId())
	w.wantCode(err, fault.NotFound)
	w.wantCode(eve.decline(inv.GetId()), fault.NotFound)
	w.wantCode(eve.revoke(r, inv.GetId()), fault.NotFound)
	_, err = eve.invitations(r)
	w.wantCode(err, fault.NotFound)
	other := eve.create("other", true).GetId()
	w.wantCode(eve.revoke(other, inv.GetId()), fault.NotFound)

	joined := must[*chatv1.Room](t)(bob.accept(inv.GetId()))
	if joined.GetMemberCount() != 2 || len(joined.GetMembers()) != 2 {
		t.Errorf("accepted %v", joined)
	}
	if got := heard.next().GetInvited(); got.GetInvitationId() != inv.GetId() || !got.GetRevoked() {
		t.Errorf("bob's other devices hear %v", got)
	}
	must[*chatv1.Room](t)(bob.accept(inv.GetId())) // a retry
	_, err = ada.invite(r, bob)
	w.wantCode(err, fault.AlreadyExists)
	_, err = bob.invite(r, eve)
	w.wantCode(err, fault.PermissionDenied)
	_, err = bob.invitations(r)
	w.wantCode(err, fault.PermissionDenied)
	w.wantCode(bob.leave(r), "")
	_, err = bob.accept(inv.GetId()) // it was good for once
	w.wantCode(err, fault.NotFound)

	// Declined, revoked, and beaten by a ban.
	inv = must[*roomsv1.RoomInvitation](t)(ada.invite(r, eve))
	w.wantCode(eve.decline(inv.GetId()), "")
	_, err = eve.accept(inv.GetId())
	w.wantCode(err, fault.NotFound)
	inv = must[*roomsv1.RoomInvitation](t)(ada.invite(r, eve))
	w.wantCode(ada.revoke(r, inv.GetId()), "")
	w.wantCode(ada.revoke(r, inv.GetId()), fault.NotFound)
	_, err = eve.accept(inv.GetId())
	w.wantCode(err, fault.NotFound)
	inv = must[*roomsv1.RoomInvitation](t)(ada.invite(r, eve))
	w.wantCode(ada.remove(r, eve, true), "")
	_, err = eve.accept(inv.GetId())
	w.wantCode(err, fault.NotFound)
	_, err = ada.invite(r, eve)
	w.wantCode(err, fault.PermissionDenied)
	if got, err := eve.invitations(""); err != nil || got != nil {
		t.Errorf("eve has %q, %v", got, err)
	}
	const story = "ada joined as owner, bob joined as member, bob left by bob, eve banned by ada"
	if got := w.story(r); got != story {
		t.Errorf("the log says: %s\nwant: %s", got, story)
	}

	nobody, gone := &person{w: w, id: ids.New[ids.User]()}, w.person("gone")
	w.auth.Close(gone.id)
	for _, who := range []*person{nobody, gone} {
		_, err = ada.invite(r, who)
		if f := fault.From(err); f.Code != fault.NotFound || f.Field != "userId" {
			t.Errorf("invite nobody: %v", err)
		}
		_, err = ada.add(r, who)
		w.wantCode(err, fault.NotFound)
	}
}

// Whatever ends an invitation, the devices of who was invited hear of it.
func TestEndsOfInvitations(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	ada, bob := w.person("ada"), w.person("bob")
	for how, end := range map[string]func(room, invitation string) error{
		"banned": func(room, _ string) error { return ada.remove(room, bob, true) },
		"added":  func(room, _ string) error { _, err := ada.add(room, bob); return err },
		"by link": func(room, _ string) error {
			_, err := bob.joinBy(must[*roomsv1.RoomLink](t)(ada.link(room, 0, 0)).GetToken())
			return err
		},
		"declined": func(_, invitation string) error { return bob.decline(invitation) },
		"deleted": func(room, _ string) error {
			_, err := call[*roomsv1.DeleteRoomResponse](ada, "DeleteRoom", &roomsv1.DeleteRoomRequest{RoomId: room})
			return err
		},
	} {
		r := ada.create("secret", true).GetId()
		inv := must[*roomsv1.RoomInvitation](t)(ada.invite(r, bob))
		heard := bob.events()
		w.wantCode(end(r, inv.GetId()), "")
		if got := heard.next().GetInvited(); got.GetInvitationId() != inv.GetId() || !got.GetRevoked() {
			t.Errorf("%s: bob hears %v", how, got)
		}
	}
}

func TestLimitsOfAccess(t *testing.T) {
	t.Parallel()
	w := start(t, map[string]string{"NATTER_ROOM_INVITATIONS_PER_DAY": "1", "NATTER_LINKS_PER_ROOM": "1", "NATTER_CONVERSATIONS_PER_DAY": "1"})
	ada, bob, eve := w.person("ada"), w.person("bob"), w.person("eve")
	r := ada.create("secret", true).GetId()
	must[*roomsv1.RoomInvitation](t)(ada.invite(r, bob))
	must[*roomsv1.RoomInvitation](t)(ada.invite(r, bob))
	_, err := ada.invite(r, eve)
	w.wantCode(err, fault.ResourceExhausted)
	must[*roomsv1.RoomLink](t)(ada.link(r, 0, 0))
	_, err = ada.link(r, 0, 0)
	w.wantCode(err, fault.ResourceExhausted)
	must[*chatv1.Room](t)(ada.direct(bob))
	must[*chatv1.Room](t)(ada.direct(bob))
	_, err = ada.group("", eve)
	w.wantCode(err, fault.ResourceExhausted)
	must[*chatv1.Room](t)(bob.direct(ada))
}

func (p *person) link(room string, seconds, maxUses uint32) (*roomsv1.RoomLink, error) {
	return call[*roomsv1.RoomLink](p, "CreateRoomLink", &roomsv1.CreateRoomLinkRequest{RoomId: room, ExpiresInSeconds: seconds, MaxUses: maxUses})
}

func (p *person) links(room string) ([]*roomsv1.RoomLink, error) {
	res, err := call[*roomsv1.ListRoomLinksResponse](p, "ListRoomLinks", &roomsv1.ListRoomLinksRequest{RoomId: room})
	return res.GetLinks(), err
}

func (p *person) preview(token string) (*roomsv1.LinkPreview, error) {
	return call[*roomsv1.LinkPreview](p, "PreviewLink", &roomsv1.PreviewLinkRequest{Token: token})
}

func (p *person) joinBy(token string) (*chatv1.Room, error) {
	return call[*chatv1.Room](p, "JoinByLink", &roomsv1.JoinByLinkRequest{Token: token})
}

func TestLinks(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	ada, bob, eve, cat := w.person("ada"), w.person("bob"), w.person("eve"), w.person("cat")
	r := ada.create("secret", true).GetId()
	l := must[*roomsv1.RoomLink](t)(ada.link(r, 3600, 2))
	if l.GetRoomId() != r || l.GetToken() == "" || !proto.Equal(l.GetCreatedBy(), ada.ref) || l.GetMaxUses() != 2 ||
		l.GetExpiresAt().AsTime().Sub(l.GetCreatedAt().AsTime()) != time.Hour {
		t.Errorf("made %v", l)
	}
	seen := must[*roomsv1.LinkPreview](t)(bob.preview(l.GetToken()))
	if seen.GetRoom().GetName() != "secret" || seen.GetRoom().GetMembers() != nil || seen.GetRoom().GetMemberCount() != 1 || seen.GetIsMember() {
		t.Errorf("bob sees %v", seen)
	}
	must[*chatv1.Room](t)(bob.joinBy(l.GetToken()))
	if joined := must[*chatv1.Room](t)(bob.joinBy(l.GetToken())); joined.GetMemberCount() != 2 {
		t.Errorf("joined twice: %v", joined)
	}
	list := must[[]*roomsv1.RoomLink](t)(ada.links(r))
	if len(list) != 1 || list[0].GetUses() != 1 || list[0].GetToken() != "" || list[0].GetId() != l.GetId() {
		t.Errorf("listed %v", list)
	}
	_, err := bob.links(r)
	w.wantCode(err, fault.PermissionDenied)
	_, err = eve.link(r, 0, 0)
	w.wantCode(err, fault.NotFound)

	w.wantCode(ada.remove(r, eve, true), "")
	_, err = eve.joinBy(l.GetToken())
	w.wantCode(err, fault.PermissionDenied)
	_, err = eve.preview(l.GetToken())
	w.wantCode(err, fault.PermissionDenied)

	must[*chatv1.Room](t)(cat.joinBy(l.GetToken()))
	_, err = w.person("dan").joinBy(l.GetToken()) // used up
	w.wantCode(err, fault.NotFound)
	if seen := must[*roomsv1.LinkPreview](t)(cat.preview(l.GetToken())); !seen.GetIsMember() {
		t.Errorf("cat, who used it up, sees %v", seen)
	}
	l = must[*roomsv1.RoomLink](t)(ada.link(r, 0, 0))
	revoke := func(p *person, room string) error {
		_, err := call[*roomsv1.RevokeRoomLinkResponse](p, "RevokeRoomLink", &roomsv1.RevokeRoomLinkRequest{RoomId: room, LinkId: l.GetId()})
		return err
	}
	w.wantCode(revoke(cat, r), fault.PermissionDenied)
	w.wantCode(revoke(cat, cat.create("other", true).GetId()), fault.NotFound)
	w.wantCode(revoke(ada, r), "")
	_, gone := w.person("fay").joinBy(l.GetToken())
	_, never := w.person("fay").joinBy("guessed")
	if a, b := fault.From(gone), fault.From(never); a.Code != fault.NotFound || a.Message != b.Message {
		t.Errorf("a revoked link: %v; a guessed one: %v", gone, never)
	}
	_, err = ada.link(r, 59, 0)
	if f := fault.From(err); f.Code != fault.InvalidArgument || f.Field != "expiresInSeconds" {
		t.Errorf("a link for 59 seconds: %v", err)
	}
	must[*chatv1.Room](t)(call[*chatv1.Room](ada, "UpdateRoom", &roomsv1.UpdateRoomRequest{RoomId: r, IsArchived: new(true)}))
	_, err = ada.link(r, 0, 0)
	w.wantCode(err, fault.PermissionDenied)
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	ada, bob := w.person("ada"), w.person("bob")
	for _, name := range []string{"Émile", "cats", "Birds", "dogs", "ants"} {
		ada.create(name, false)
	}
	ada.create("secret cats", true)
	must[*chatv1.Room](t)(bob.join(ada.create("Catalogue", false).GetId()))
	list := func(req *roomsv1.ListDirectoryRequest) (names []string, pages int) {
		t.Helper()
		for {
			res := must[*roomsv1.ListDirectoryResponse](t)(call[*roomsv1.ListDirectoryResponse](bob, "ListDirectory", req))
			pages++
			for _, e := range res.GetRooms() {
				if e.GetIsMember() != (e.GetRoom().GetName() == "Catalogue") || e.GetRoom().GetMemberCount() == 0 || !proto.Equal(e.GetRoom().GetCreator(), ada.ref) {
					t.Errorf("listed %v", e)
				}
				names = append(names, e.GetRoom().GetName())
			}
			if req.After = res.GetNext(); req.GetAfter() == "" {
				return names, pages
			}
		}
	}
	if got, pages := list(&roomsv1.ListDirectoryRequest{Limit: 2}); pages != 3 || !slices.Equal(got, []string{"ants", "Birds", "Catalogue", "cats", "dogs", "Émile"}) {
		t.Errorf("%d pages: %q", pages, got)
	}
	if got, pages := list(&roomsv1.ListDirectoryRequest{Query: "CAT"}); pages != 1 || !slices.Equal(got, []string{"Catalogue", "cats"}) {
		t.Errorf("%d pages: %q", pages, got)
	}
	for field, req := range map[string]*roomsv1.ListDirectoryRequest{
		"query": {Query: strings.Repeat("x", 101)}, "after": {After: "x"}, "limit": {Limit: 101},
	} {
		_, err := call[*roomsv1.ListDirectoryResponse](bob, "ListDirectory", req)
		if f := fault.From(err); f.Code != fault.InvalidArgument || f.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}
