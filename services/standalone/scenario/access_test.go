package scenario

import (
	"sync"
	"testing"

	"github.com/natter-chat/natter/pkg/client"
	"github.com/natter-chat/natter/pkg/fault"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
)

// gettingIn: by invitation and by a link into a private room, and into the one conversation of two, which both open at the
// same moment at different gateways; devices hear of all of it, and of how their user wants a room shown.
func gettingIn(t *testing.T, s *system) {
	ada, bob, eve := newPerson(t, s.gatewayURL(0), "ada"), newPerson(t, s.gatewayURL(1), "bob"), newPerson(t, s.gatewayURL(0), "eve")
	secret, err := ada.CreateRoom(t.Context(), "secret of "+ada.name, "", true)
	if err != nil {
		t.Fatal(err)
	}
	room := secret.GetId()
	here, there := bob.connect(t, client.ConnOptions{Encoding: client.JSON}), bob.at(t, s.gatewayURL(0))
	inv, err := ada.Invite(t.Context(), room, bob.id)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []*device{here, there} {
		item(d, "the invitation", func(e *clientv1.UserEvent) bool {
			return e.GetInvited().GetInvitationId() == inv.GetId() && e.GetInvited().GetBy().GetId() == ada.id
		})
	}
	if _, err := bob.AcceptInvitation(t.Context(), inv.GetId()); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*device{here, there} {
		d.knows(room)
		item(d, "its end", func(e *clientv1.UserEvent) bool {
			return e.GetInvited().GetInvitationId() == inv.GetId() && e.GetInvited().GetRevoked()
		})
	}
	here.say(room, "here I am")

	link, err := ada.CreateLink(t.Context(), &roomsv1.CreateRoomLinkRequest{RoomId: room, MaxUses: 1})
	if err != nil {
		t.Fatal(err)
	}
	if seen, err := eve.PreviewLink(t.Context(), link.GetToken()); err != nil || seen.GetRoom().GetName() != secret.GetName() || seen.GetRoom().GetMemberCount() != 2 {
		t.Errorf("eve sees %v, %v", seen, err)
	}
	if _, err := eve.JoinByLink(t.Context(), link.GetToken()); err != nil {
		t.Fatal(err)
	}
	eve.at(t, s.gatewayURL(1)).say(room, "me too")
	dan := newPerson(t, s.gatewayURL(0), "dan")
	if _, err := dan.JoinByLink(t.Context(), link.GetToken()); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("dan joins by a link that is used up: %v", err)
	}

	if _, err := bob.SetPreferences(t.Context(), room, &clientv1.Preferences{IsFavourite: true, Notifications: "mentions"}); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*device{here, there} {
		item(d, "the preferences", func(e *clientv1.UserEvent) bool {
			p := e.GetPreferences()
			return p.GetRoomId() == room && p.GetPreferences().GetIsFavourite() && p.GetPreferences().GetNotifications() == "mentions"
		})
	}
	again := bob.at(t, s.gatewayURL(1))
	item(again, "a welcome with the preferences", func(w *clientv1.Welcome) bool {
		for _, r := range w.GetRooms() {
			if r.GetRoom().GetId() == room {
				return r.GetPreferences().GetIsFavourite()
			}
		}
		return false
	})

	var opening sync.WaitGroup
	var ids [2]string
	for i, pair := range [2][2]*person{{ada, bob}, {bob, ada}} {
		opening.Go(func() {
			direct, err := pair[0].OpenDirect(t.Context(), pair[1].id)
			if err != nil {
				t.Errorf("%s: %v", pair[0].name, err)
			}
			ids[i] = direct.GetId()
		})
	}
	opening.Wait()
	if ids[0] != ids[1] {
		t.Fatalf("two conversations: %v", ids)
	}
	here.knows(ids[0])
	item(here, "who it is with", func(e *clientv1.UserEvent) bool {
		r := e.GetJoined().GetRoom()
		return r.GetId() == ids[0] && r.GetKind() == "direct" && len(r.GetMembers()) == 2
	})
	here.event(ids[0], ada.at(t, s.gatewayURL(0)).say(ids[0], "hello bob").GetSeq())
}
