package scenario

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/natter-chat/natter/pkg/client"
	"github.com/natter-chat/natter/pkg/fault"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

func TestChat(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *system) {
		t.Run("two people talk", func(t *testing.T) { t.Parallel(); twoPeopleTalk(t, s) })
		t.Run("one nonce, 100 sends", func(t *testing.T) { t.Parallel(); oneNonceManySends(t, s) })
		t.Run("who is not a member", func(t *testing.T) { t.Parallel(); strangers(t, s) })
		t.Run("away and back", func(t *testing.T) { t.Parallel(); awayAndBack(t, s) })
		t.Run("a new name", func(t *testing.T) { t.Parallel(); newName(t, s) })
		t.Run("a ban while everybody writes", func(t *testing.T) { t.Parallel(); bannedUnderFire(t, s) })
		t.Run("a moderated room", func(t *testing.T) { t.Parallel(); moderation(t, s) })
		t.Run("ways into rooms", func(t *testing.T) { t.Parallel(); gettingIn(t, s) })
		t.Run("files", func(t *testing.T) { t.Parallel(); filesAreSent(t, s) })
		t.Run("many rooms", func(t *testing.T) { t.Parallel(); manyTalk(t, s) })
	})
}

// newName: others see it at once, wherever they are connected; so does the user's own device, and what they say from then
// on has it, also with a token that has the old one.
func newName(t *testing.T, s *system) {
	ada, bob := newPerson(t, s.gatewayURL(0), "ada"), newPerson(t, s.gatewayURL(1), "bob")
	a := ada.connect(t, client.ConnOptions{Encoding: client.JSON})
	b := bob.connect(t, client.ConnOptions{})
	room := ada.newRoom(t, bob)
	a.knows(room)
	b.knows(room)
	b.event(room, a.say(room, "before").GetSeq()) // so b is in the room's feed
	name := "countess-" + ada.name[len(ada.name)-8:]
	if _, err := ada.UpdateMe(t.Context(), new(name), new("/ada.png")); err != nil {
		t.Fatal(err)
	}
	b.until("ada's new name", func() bool {
		return slices.ContainsFunc(b.other, func(item any) bool {
			p, ok := item.(*clientv1.Profile)
			return ok && p.GetUser().GetId() == ada.id && p.GetUser().GetUsername() == name && p.GetUser().GetAvatar() == "/ada.png"
		})
	})
	a.until("her own new name", func() bool {
		return slices.ContainsFunc(a.other, func(item any) bool {
			e, ok := item.(*clientv1.UserEvent)
			return ok && e.GetProfile().GetUsername() == name && e.GetProfile().GetEmail() == ada.email
		})
	})
	if ev := b.event(room, a.say(room, "after").GetSeq()); ev.GetActor().GetUsername() != name || ev.GetActor().GetAvatar() != "/ada.png" {
		t.Errorf("what she says now is by %v", ev.GetActor())
	}
}

// twoPeopleTalk is the main job: both on gateways of their own, one in JSON, one in protobuf.
func twoPeopleTalk(t *testing.T, s *system) {
	ada, bob := newPerson(t, s.gatewayURL(0), "ada"), newPerson(t, s.gatewayURL(1), "bob")
	a := ada.connect(t, client.ConnOptions{Encoding: client.JSON})
	b := bob.connect(t, client.ConnOptions{})
	room := ada.newRoom(t, bob)
	a.knows(room)
	b.knows(room)

	hi := a.say(room, "hi bob 👋")
	got := b.event(room, hi.GetSeq())
	if got.GetMessage().GetContent() != "hi bob 👋" || got.GetActor().GetUsername() != ada.name {
		t.Errorf("bob got %v", got)
	}
	if !got.GetCreatedAt().AsTime().Equal(hi.GetCreatedAt().AsTime()) {
		t.Errorf("the ack says %v, the event %v", hi.GetCreatedAt().AsTime(), got.GetCreatedAt().AsTime())
	}
	reply := b.say(room, "hi ada", client.ReplyTo(hi.GetSeq()))
	a.event(room, reply.GetSeq())

	ctx := t.Context()
	edit, err := a.Edit(ctx, room, hi.GetSeq(), "hello bob")
	if err != nil {
		t.Fatal(err)
	}
	if e := b.event(room, edit.GetSeq()).GetEdited(); e.GetSeq() != hi.GetSeq() || e.GetContent() != "hello bob" {
		t.Errorf("bob got edit %v", e)
	}
	if _, err := b.Edit(ctx, room, hi.GetSeq(), "forged"); fault.CodeOf(err) != fault.PermissionDenied {
		t.Errorf("bob edits ada's message: %v", err)
	}
	react, err := b.React(ctx, room, hi.GetSeq(), "👍", false)
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.React(ctx, room, hi.GetSeq(), "👍", false)
	if err != nil || again.GetSeq() != react.GetSeq() {
		t.Errorf("the same reaction twice: %v, %v; want seq %d", again, err, react.GetSeq())
	}
	del, err := b.Delete(ctx, room, reply.GetSeq())
	if err != nil {
		t.Fatal(err)
	}
	a.event(room, del.GetSeq())

	history := a.history(room)
	if len(history) != 2 {
		t.Fatalf("history has %d messages: %v", len(history), history)
	}
	first, second := history[0], history[1]
	if first.GetContent() != "hello bob" || !first.GetIsEdited() || len(first.GetReactions()) != 1 || first.GetReactions()[0].GetCount() != 1 {
		t.Errorf("first message: %v", first)
	}
	if !second.GetIsDeleted() || second.GetContent() != "" || second.GetReplyTo() != hi.GetSeq() {
		t.Errorf("second message: %v", second)
	}
	byHTTP, err := bob.Messages(ctx, room, client.Which{})
	if err != nil || len(byHTTP) != 2 || byHTTP[1].GetId() != fmt.Sprintf("%s:%d", room, hi.GetSeq()) {
		t.Errorf("history by HTTP: %v, %v", byHTTP, err)
	}

	b.Typing(room, true)
	item(a, "bob's typing", func(s *clientv1.Signal) bool { return s.GetUserId() == bob.id && s.GetTyping() })
	if err := b.Read(ctx, room, del.GetSeq()); err != nil {
		t.Errorf("read: %v", err)
	}
	item(a, "bob's receipt", func(r *clientv1.Receipt) bool { return r.GetUserId() == bob.id && r.GetReadSeq() == del.GetSeq() })

	if err := bob.LeaveRoom(ctx, room); err != nil {
		t.Fatal(err)
	}
	item(b, "gone", func(g *clientv1.Gone) bool { return g.GetRoomId() == room })
	after := a.say(room, "bob is gone")
	a.event(room, after.GetSeq())
	if _, err := b.Send(ctx, room, "am I?"); fault.CodeOf(err) != fault.PermissionDenied {
		t.Errorf("send after leaving: %v", err)
	}
}

// oneNonceManySends: whatever way a retry takes, there is one message, and every ack is the original's.
func oneNonceManySends(t *testing.T, s *system) {
	ada := newPerson(t, s.url, "ada")
	room := ada.newRoom(t)
	const devices, each = 5, 20
	acks := make(chan *clientv1.Ack, devices*each)
	var wg sync.WaitGroup
	var last *device
	for i := range devices {
		d := ada.connect(t, client.ConnOptions{Encoding: client.Encoding(i % 2)})
		last = d
		for range each {
			wg.Go(func() {
				ack, err := d.Send(t.Context(), room, "once", client.WithNonce("the-one"))
				if err != nil {
					t.Errorf("send: %v", err)
					return
				}
				acks <- ack
			})
		}
	}
	wg.Wait()
	close(acks)
	originals := 0
	var first *clientv1.Ack
	for ack := range acks {
		if first == nil {
			first = ack
		}
		if !ack.GetDuplicate() {
			originals++
		}
		if ack.GetSeq() != first.GetSeq() || !ack.GetCreatedAt().AsTime().Equal(first.GetCreatedAt().AsTime()) {
			t.Errorf("ack %v differs from %v", ack, first)
		}
	}
	if originals > 1 {
		t.Errorf("%d acks say that they are the original", originals)
	}
	if history := last.history(room); len(history) != 1 {
		t.Errorf("%d messages are stored", len(history))
	}
	_, err := last.Send(t.Context(), room, "something else", client.WithNonce("the-one"))
	if fault.CodeOf(err) != fault.Conflict {
		t.Errorf("the nonce with other content: %v", err)
	}
}

// strangers: membership is checked on every path.
func strangers(t *testing.T, s *system) {
	ada, eve := newPerson(t, s.url, "ada"), newPerson(t, s.url, "eve")
	room, err := ada.CreateRoom(t.Context(), "private", "", true)
	if err != nil {
		t.Fatal(err)
	}
	id := room.GetId()
	a, e := ada.connect(t, client.ConnOptions{}), eve.connect(t, client.ConnOptions{Resume: map[string]uint32{id: 0}})
	a.say(id, "secret")
	ctx := t.Context()
	refused := func(what string, err error, want fault.Code) {
		t.Helper()
		if fault.CodeOf(err) != want {
			t.Errorf("%s: %v, want %s", what, err, want)
		}
	}
	_, err = eve.GetRoom(ctx, id)
	refused("get", err, fault.NotFound)
	_, err = eve.JoinRoom(ctx, id)
	refused("join", err, fault.NotFound)
	_, err = e.Fetch(ctx, id, client.Which{})
	refused("fetch", err, fault.PermissionDenied)
	_, err = eve.Messages(ctx, id, client.Which{})
	refused("history", err, fault.PermissionDenied)
	_, err = e.Send(ctx, id, "let me in")
	refused("send", err, fault.PermissionDenied)
	item(e, "gone", func(g *clientv1.Gone) bool { return g.GetRoomId() == id })
	if _, err := ada.AddMember(ctx, id, eve.id); err != nil {
		t.Fatal(err)
	}
	e.knows(id)
	second := a.say(id, "welcome")
	e.event(id, second.GetSeq())
	if _, err := ada.Ban(ctx, id, eve.id, "", 0); err != nil {
		t.Fatal(err)
	}
	a.say(id, "without eve")
	if _, err := e.Send(ctx, id, "hello?"); fault.CodeOf(err) != fault.PermissionDenied {
		t.Errorf("send after the ban: %v", err)
	}
	for _, ev := range e.got(id) {
		if ev.GetMessage().GetContent() == "secret" || ev.GetMessage().GetContent() == "without eve" {
			t.Errorf("eve was sent %v", ev)
		}
	}
	if _, err := ada.AddMember(ctx, id, eve.id); fault.CodeOf(err) != fault.PermissionDenied {
		t.Errorf("add a banned user: %v", err)
	}
}

// awayAndBack: a client that comes back gets exactly what it missed, edits and deletions included.
func awayAndBack(t *testing.T, s *system) {
	ada, bob := newPerson(t, s.gatewayURL(0), "ada"), newPerson(t, s.gatewayURL(1), "bob")
	room := ada.newRoom(t, bob)
	a := ada.connect(t, client.ConnOptions{})
	b := bob.connect(t, client.ConnOptions{})
	seen := a.say(room, "before")
	b.event(room, seen.GetSeq())
	epoch, cursors := b.Cursors()
	b.Close()

	var last *clientv1.Ack
	missed := 200
	if s.small {
		missed = 20
	}
	for i := range missed {
		last = a.say(room, fmt.Sprintf("missed %d", i))
	}
	if _, err := a.Delete(t.Context(), room, last.GetSeq()); err != nil {
		t.Fatal(err)
	}
	edited, err := a.Edit(t.Context(), room, seen.GetSeq(), "after")
	if err != nil {
		t.Fatal(err)
	}
	back := bob.connect(t, client.ConnOptions{Epoch: epoch, Resume: cursors})
	back.event(room, edited.GetSeq())
	got := back.got(room)
	if got[0].GetSeq() != seen.GetSeq()+1 || len(got) != missed+2 {
		t.Errorf("got %d events from %d, want %d from %d", len(got), got[0].GetSeq(), missed+2, seen.GetSeq()+1)
	}
	if ev := back.event(room, last.GetSeq()); !ev.GetMessage().GetDeleted() || ev.GetMessage().GetContent() != "" {
		t.Errorf("a message deleted since is resumed as %v", ev)
	}

	stranger := bob.connect(t, client.ConnOptions{Epoch: "another", Resume: cursors})
	item(stranger, "reset", func(r *clientv1.Reset) bool { return r.GetRoomId() == room && r.GetHeadSeq() == edited.GetSeq() })
}

// manyTalk: several rooms and senders at once; everyone sees every room's events, dense and in order.
func manyTalk(t *testing.T, s *system) {
	people, rooms, each := 6, 4, 25
	if s.small {
		people, rooms, each = 3, 2, 3
	}
	var all []*person
	for i := range people {
		all = append(all, newPerson(t, s.gatewayURL(i), fmt.Sprintf("p%d", i)))
	}
	var ids []string
	for i := range rooms {
		ids = append(ids, all[i].newRoom(t, append(append([]*person{}, all[:i]...), all[i+1:]...)...))
	}
	var devices []*device
	for i, p := range all {
		devices = append(devices, p.connect(t, client.ConnOptions{Encoding: client.Encoding(i % 2)}))
	}
	var wg sync.WaitGroup
	for _, d := range devices {
		for _, room := range ids {
			wg.Go(func() {
				for i := range each {
					if _, err := d.Send(t.Context(), room, fmt.Sprint(i)); err != nil {
						t.Errorf("send: %v", err)
					}
				}
			})
		}
	}
	wg.Wait()
	events := uint32(people + people*each) // joins, messages
	for _, d := range devices {
		for _, room := range ids {
			d.event(room, events)
			last := map[string]string{}
			for _, ev := range d.got(room) {
				m, ok := ev.GetBody().(*chatv1.Event_Message)
				if !ok {
					continue
				}
				who := ev.GetActor().GetUserId()
				if want := fmt.Sprint(len(last[who])); m.Message.GetContent() != want {
					t.Errorf("message %s of a sender, want %s", m.Message.GetContent(), want)
				}
				last[who] += "."
			}
		}
	}
}

func TestErrorsHaveNames(t *testing.T) {
	t.Parallel()
	s := startOne(t)
	ada := newPerson(t, s.url, "ada")
	_, err := ada.Register(t.Context(), ada.email, "other", password)
	var f *client.Error
	if !errors.As(err, &f) || f.Code != fault.AlreadyExists || f.Field != "email" || f.Code.HTTPStatus() != http.StatusConflict {
		t.Errorf("a taken e-mail: %v", err)
	}
	if _, err := ada.CreateRoom(t.Context(), "", "", false); !errors.As(err, &f) || f.Field != "name" {
		t.Errorf("a room without a name: %v", err)
	}
	for _, id := range []string{"*", ">", "a.b", "natter.room.>"} {
		if _, err := ada.GetRoom(t.Context(), id); !errors.As(err, &f) || f.Code != fault.InvalidArgument || f.Field != "roomId" {
			t.Errorf("room %q: %v", id, err)
		}
	}
}
