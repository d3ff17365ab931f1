package scenario

import (
	"slices"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/client"
	"github.com/natter-chat/natter/pkg/fault"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
)

// moderation: what is decided about a room or its members holds for the next message, on every gateway, and is what the
// next welcome says.
func moderation(t *testing.T, s *system) {
	ada, bob := newPerson(t, s.gatewayURL(0), "ada"), newPerson(t, s.gatewayURL(1), "bob")
	a, b := ada.connect(t, client.ConnOptions{}), bob.connect(t, client.ConnOptions{})
	room := ada.newRoom(t, bob)
	a.knows(room)
	b.knows(room)
	b.event(room, a.say(room, "before").GetSeq()) // so b is in the room's feed
	ctx := t.Context()
	saying := func(d *device, content string, want fault.Code) {
		t.Helper()
		if _, err := d.Send(ctx, room, content); fault.CodeOf(err) != want {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
	}
	change := func(req *roomsv1.UpdateRoomRequest) {
		t.Helper()
		req.RoomId = room
		if _, err := ada.UpdateRoom(ctx, req); err != nil {
			t.Fatal(err)
		}
	}
	member := func(_ *chatv1.Member, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	change(&roomsv1.UpdateRoomRequest{Name: new("renamed"), Topic: new("now")})
	b.until("the new name", func() bool {
		return slices.ContainsFunc(b.events[room], func(e *chatv1.Event) bool {
			return e.GetRoomUpdated().GetName() == "renamed" && e.GetRoomUpdated().GetTopic() == "now" && e.GetActor().GetUserId() == ada.id
		})
	})
	again := bob.connect(t, client.ConnOptions{})
	welcome := item(again, "a welcome with the new name", func(w *clientv1.Welcome) bool { return len(w.GetRooms()) > 0 })
	if r := welcome.GetRooms()[0].GetRoom(); r.GetName() != "renamed" || r.GetTopic() != "now" {
		t.Errorf("the next welcome says %v", r)
	}

	member(ada.Mute(ctx, room, bob.id, time.Hour))
	saying(b, "muted", fault.PermissionDenied)
	member(ada.Mute(ctx, room, bob.id, 0))
	saying(b, "not muted", "")
	member(ada.SetRole(ctx, room, bob.id, "read_only"))
	saying(b, "only reading", fault.PermissionDenied)
	member(ada.SetRole(ctx, room, bob.id, "member"))
	change(&roomsv1.UpdateRoomRequest{IsAnnouncement: new(true)})
	saying(b, "no announcement", fault.PermissionDenied)
	saying(a, "an announcement", "")
	if _, err := ada.TransferRoom(ctx, room, bob.id); err != nil {
		t.Fatal(err)
	}
	saying(b, "the owner's announcement", "")
	if err := ada.DeleteRoom(ctx, room); fault.CodeOf(err) != fault.PermissionDenied {
		t.Errorf("who is not the owner any more deletes it: %v", err)
	}

	if err := bob.DeleteRoom(ctx, room); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*device{a, b, again} {
		item(d, "the end of the room", func(g *clientv1.Gone) bool { return g.GetRoomId() == room })
	}
	saying(a, "too late", fault.NotFound)
	if _, err := ada.GetRoom(ctx, room); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("the room after its end: %v", err)
	}
}
