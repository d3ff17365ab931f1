package scenario

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/client"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/role"

	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
)

func TestConversations(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *system) {
		t.Run("roles", func(t *testing.T) { t.Parallel(); roles(t, s) })
		t.Run("a ban", func(t *testing.T) { t.Parallel(); ban(t, s) })
		t.Run("direct, from both sides", func(t *testing.T) { t.Parallel(); directFromBothSides(t, s) })
		t.Run("a thread", func(t *testing.T) { t.Parallel(); thread(t, s) })
		t.Run("a mention", func(t *testing.T) { t.Parallel(); mention(t, s) })
		t.Run("unread, on another device", func(t *testing.T) { t.Parallel(); unreadElsewhere(t, s) })
		t.Run("an invitation and preferences", func(t *testing.T) { t.Parallel(); invitation(t, s) })
		t.Run("a search", func(t *testing.T) { t.Parallel(); search(t, s) })
		t.Run("a bot without a socket", func(t *testing.T) { t.Parallel(); post(t, s) })
		t.Run("a deleted room", func(t *testing.T) { t.Parallel(); deletedRoom(t, s) })
	})
}

// meet puts people on gateways of their own into a room of the first.
func meet(t *testing.T, s *system, names ...string) (room string, people []*person, devices []*device) {
	t.Helper()
	for i, name := range names {
		p := newPerson(t, s.gatewayURL(i), name)
		people, devices = append(people, p), append(devices, p.connect(t, client.ConnOptions{Encoding: client.Encoding(i % 2)}))
	}
	room = people[0].newRoom(t, people[1:]...)
	for _, d := range devices {
		d.knows(room)
	}
	return room, people, devices
}

func wantFault(t *testing.T, what string, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// roles: what somebody may do follows from their role at once, and is in the log.
func roles(t *testing.T, s *system) {
	room, p, d := meet(t, s, "ada", "bob", "cyd")
	ada, bob, cyd := p[0], p[1], p[2]
	ctx := t.Context()
	said := d[2].say(room, "hello")
	_, err := d[1].Delete(ctx, room, said.GetSeq())
	wantFault(t, "a member deletes another's message", err, fault.PermissionDenied)
	_, err = bob.SetRole(ctx, room, cyd.id, string(role.ReadOnly))
	wantFault(t, "a member gives roles", err, fault.PermissionDenied)

	if _, err := ada.SetRole(ctx, room, bob.id, string(role.Moderator)); err != nil {
		t.Fatal(err)
	}
	if _, err := d[1].Delete(ctx, room, said.GetSeq()); err != nil {
		t.Errorf("a moderator deletes another's message: %v", err)
	}
	if _, err := bob.Mute(ctx, room, cyd.id, time.Hour); err != nil {
		t.Fatal(err)
	}
	_, err = cyd.Post(ctx, room, "may I?")
	wantFault(t, "who is muted speaks", err, fault.PermissionDenied)
	if _, err := bob.Mute(ctx, room, cyd.id, 0); err != nil {
		t.Fatal(err)
	}
	wantFault(t, "a moderator kicks the owner", bob.Kick(ctx, room, ada.id, ""), fault.PermissionDenied)
	wantFault(t, "the owner leaves", ada.LeaveRoom(ctx, room), fault.PermissionDenied)
	if _, err := ada.TransferRoom(ctx, room, bob.id); err != nil {
		t.Fatal(err)
	}
	if err := ada.LeaveRoom(ctx, room); err != nil {
		t.Errorf("who was the owner leaves: %v", err)
	}
	last := d[2].say(room, "who owns it now?")
	d[1].event(room, last.GetSeq())
	var changes []string
	for _, e := range d[1].got(room) {
		if j := e.GetMemberJoined(); j.GetIsChange() {
			changes = append(changes, j.GetUser().GetUsername()+" "+j.GetRole())
		}
	}
	want := []string{bob.name + " moderator", cyd.name + " member", cyd.name + " member", bob.name + " owner", ada.name + " admin"}
	if !slices.Equal(changes, want) {
		t.Errorf("changes %q, want %q", changes, want)
	}
}

// ban: on every gateway, nothing more arrives, nothing more is taken, and the reason is told.
func ban(t *testing.T, s *system) {
	room, p, d := meet(t, s, "ada", "bob", "eve")
	ada, eve := p[0], p[2]
	elsewhere := newPersonsDevice(t, s.gatewayURL(0), eve)
	elsewhere.knows(room)
	if _, err := ada.Ban(t.Context(), room, eve.id, "spam", time.Hour); err != nil {
		t.Fatal(err)
	}
	after := d[1].say(room, "eve is gone")
	for _, device := range []*device{d[2], elsewhere} {
		item(device, "gone", func(g *clientv1.Gone) bool { return g.GetRoomId() == room })
		_, err := device.Send(t.Context(), room, "still here")
		wantFault(t, "a banned user speaks", err, fault.PermissionDenied)
		for _, e := range device.got(room) {
			if e.GetSeq() >= after.GetSeq() {
				t.Errorf("after the ban eve got %v", e)
			}
		}
	}
	i := slices.IndexFunc(d[1].got(room), func(e *chatv1.Event) bool { return e.GetMemberLeft() != nil })
	if i < 0 || d[1].got(room)[i].GetMemberLeft().GetReason() != "banned" || d[1].got(room)[i].GetMemberLeft().GetNote() != "spam" {
		t.Errorf("bob was not told of the ban: %v", d[1].got(room))
	}
	_, err := eve.JoinRoom(t.Context(), room)
	wantFault(t, "a banned user joins", err, fault.PermissionDenied)
	if bans, err := ada.Bans(t.Context(), room, "", 0); err != nil || len(bans) != 1 || bans[0].GetReason() != "spam" || bans[0].GetExpiresAt() == nil {
		t.Errorf("bans %v, %v", bans, err)
	}
	if err := ada.LiftBan(t.Context(), room, eve.id); err != nil {
		t.Fatal(err)
	}
	if _, err := eve.JoinRoom(t.Context(), room); err != nil {
		t.Errorf("join after the ban was lifted: %v", err)
	}
	d[2].event(room, d[0].say(room, "welcome back").GetSeq())
}

// directFromBothSides: however many open it at once, there is one conversation.
func directFromBothSides(t *testing.T, s *system) {
	ada, bob := newPerson(t, s.gatewayURL(0), "ada"), newPerson(t, s.gatewayURL(1), "bob")
	b := bob.connect(t, client.ConnOptions{})
	rooms := make([]string, 8)
	var all sync.WaitGroup
	for i := range rooms {
		me, other := ada, bob
		if i%2 == 1 {
			me, other = bob, ada
		}
		all.Go(func() {
			room, err := me.OpenDirect(t.Context(), other.id)
			if err != nil || room.GetKind() != string(role.Direct) {
				t.Errorf("open: %v, %v", room, err)
			}
			rooms[i] = room.GetId()
		})
	}
	all.Wait()
	if slices.Sort(rooms); rooms[0] == "" || rooms[0] != rooms[len(rooms)-1] {
		t.Fatalf("they are in %v", rooms)
	}
	room := rooms[0]
	b.knows(room)
	a := ada.connect(t, client.ConnOptions{})
	b.event(room, a.say(room, "psst").GetSeq())
	wantFault(t, "leaving it", ada.LeaveRoom(t.Context(), room), fault.PermissionDenied)
	eve := newPerson(t, s.url, "eve")
	_, err := eve.GetRoom(t.Context(), room)
	wantFault(t, "a third person looks", err, fault.NotFound)
}

// thread: replies stay out of the room's page; the message they belong to counts them.
func thread(t *testing.T, s *system) {
	room, p, d := meet(t, s, "ada", "bob")
	root := d[0].say(room, "lunch?").GetSeq()
	first := d[1].say(room, "soup", client.InThread(root)).GetSeq()
	second := d[0].say(room, "again?", client.InThread(root), client.ReplyTo(first)).GetSeq()
	if e := d[1].event(room, second).GetMessage(); e.GetThread() != root || e.GetThreadOrdinal() != 2 {
		t.Errorf("the second reply came as %v", e)
	}
	page, err := d[1].Fetch(t.Context(), room, client.Which{})
	if err != nil || len(page.GetMessages()) != 1 {
		t.Fatalf("the room shows %v, %v", page.GetMessages(), err)
	}
	if r := page.GetMessages()[0].GetReplies(); r.GetCount() != 2 || r.GetLastSeq() != second || r.GetLastUserId() != p[0].id {
		t.Errorf("replies %v", r)
	}
	page, err = d[1].Fetch(t.Context(), room, client.Which{Thread: root, Limit: 1})
	if err != nil || len(page.GetMessages()) != 1 || !page.GetMore() || page.GetMessages()[0].GetQuote().GetContent() != "soup" {
		t.Errorf("the thread's newest: %v, %v", page, err)
	}
	if threads, err := p[0].Threads(t.Context(), room, 0, 0); err != nil || len(threads) != 1 || threads[0].GetSeq() != root {
		t.Errorf("threads %v, %v", threads, err)
	}
	_, err = d[1].Send(t.Context(), room, "deeper", client.InThread(first))
	wantFault(t, "a thread in a thread", err, fault.InvalidArgument)
}

// mention: it is found where it stands, counted for whom it calls, and read with the room.
func mention(t *testing.T, s *system) {
	room, p, d := meet(t, s, "ada", "bob")
	bob := p[1]
	said := d[0].say(room, "👋 @"+bob.name+", not `@"+bob.name+"`")
	mentions := d[1].event(room, said.GetSeq()).GetMessage().GetMentions()
	if len(mentions) != 1 || mentions[0].GetUserId() != bob.id || mentions[0].GetOffset() != 3 || mentions[0].GetLength() != uint32(len(bob.name)+1) {
		t.Fatalf("mentions %v", mentions)
	}
	counted := func() uint32 {
		again := bob.connect(t, client.ConnOptions{})
		defer again.Close()
		state := item(again, "the room in a welcome", func(w *clientv1.Welcome) bool { return stateOf(w, room) != nil })
		return stateOf(state, room).GetMentions()
	}
	becomes := func(want uint32) { // a welcome may say what was a moment ago
		t.Helper()
		eventually(t, "the count of mentions", func() error {
			if n := counted(); n != want {
				return fault.New(fault.Internal, "%d unread mentions, want %d", n, want)
			}
			return nil
		})
	}
	becomes(1)
	if err := d[1].Read(t.Context(), room, said.GetSeq()); err != nil {
		t.Fatal(err)
	}
	becomes(0)
}

func stateOf(w *clientv1.Welcome, room string) *clientv1.RoomState {
	for _, r := range w.GetRooms() {
		if r.GetRoom().GetId() == room {
			return r
		}
	}
	return nil
}

// unreadElsewhere: what is marked unread on one device is unread on the other, on another gateway, and stays so.
func unreadElsewhere(t *testing.T, s *system) {
	room, p, d := meet(t, s, "ada", "bob")
	phone := newPersonsDevice(t, s.gatewayURL(0), p[1])
	phone.knows(room)
	var last uint32
	first := d[0].say(room, "one").GetSeq()
	for _, text := range []string{"two", "three"} {
		last = d[0].say(room, text).GetSeq()
	}
	d[1].event(room, last)
	phone.event(room, last)
	marker := func(on *device, seq, unread uint32) *clientv1.UserEvent {
		t.Helper()
		return item(on, "the marker", func(e *clientv1.UserEvent) bool {
			m := e.GetMarker()
			return m.GetRoomId() == room && m.GetThread() == 0 && m.GetReadSeq() == seq && m.GetUnread() == unread
		})
	}
	if err := d[1].Read(t.Context(), room, last); err != nil {
		t.Fatal(err)
	}
	marker(phone, last, 0)
	if err := phone.Unread(t.Context(), room, first+1); err != nil {
		t.Fatal(err)
	}
	if rev := marker(d[1], first, 2).GetMarker().GetRev(); rev != 1 {
		t.Errorf("rev %d", rev)
	}
	if err := d[1].Read(t.Context(), room, last); err != nil { // it knows of the mark, so this is meant
		t.Fatal(err)
	}
	item(phone, "read again", func(e *clientv1.UserEvent) bool {
		return e.GetMarker().GetRev() == 1 && e.GetMarker().GetReadSeq() == last && e.GetMarker().GetUnread() == 0
	})
}

// newPersonsDevice connects a person once more, at this gateway.
func newPersonsDevice(t *testing.T, url string, p *person) *device {
	t.Helper()
	api, err := client.New(url, client.Options{Token: client.PasswordToken(url, p.email, password, client.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	again := *p
	again.Client = api
	return again.connect(t, client.ConnOptions{Encoding: client.JSON})
}

// invitation: who is invited hears of it and comes in; how they want the room shown is the same on all of their devices.
func invitation(t *testing.T, s *system) {
	ada, bob := newPerson(t, s.gatewayURL(0), "ada"), newPerson(t, s.gatewayURL(1), "bob")
	b := bob.connect(t, client.ConnOptions{})
	room, err := ada.NewRoom(t.Context(), &roomsv1.CreateRoomRequest{Name: "secret", IsPrivate: true, Topic: "cake"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = bob.JoinRoom(t.Context(), room.GetId())
	wantFault(t, "joining a private room", err, fault.NotFound)
	invited, err := ada.Invite(t.Context(), room.GetId(), bob.id)
	if err != nil {
		t.Fatal(err)
	}
	item(b, "the invitation", func(e *clientv1.UserEvent) bool {
		return e.GetInvited().GetInvitationId() == invited.GetId() && e.GetInvited().GetRoom().GetName() == "secret"
	})
	if _, err := bob.AcceptInvitation(t.Context(), invited.GetId()); err != nil {
		t.Fatal(err)
	}
	b.knows(room.GetId())
	phone := newPersonsDevice(t, s.gatewayURL(0), bob)
	phone.knows(room.GetId())
	if _, err := bob.SetPreferences(t.Context(), room.GetId(), &clientv1.Preferences{IsFavourite: true, Notifications: "none"}); err != nil {
		t.Fatal(err)
	}
	for _, device := range []*device{b, phone} {
		item(device, "the preferences", func(e *clientv1.UserEvent) bool {
			return e.GetPreferences().GetRoomId() == room.GetId() && e.GetPreferences().GetPreferences().GetIsFavourite()
		})
	}
	if _, err := ada.UpdateRoom(t.Context(), &roomsv1.UpdateRoomRequest{RoomId: room.GetId(), Name: new("no secret")}); err != nil {
		t.Fatal(err)
	}
	later := newPersonsDevice(t, s.gatewayURL(1), bob)
	welcome := item(later, "a welcome", func(w *clientv1.Welcome) bool { return stateOf(w, room.GetId()) != nil })
	state := stateOf(welcome, room.GetId())
	if state.GetRoom().GetName() != "no secret" || state.GetRoom().GetTopic() != "cake" || state.GetPreferences().GetNotifications() != "none" {
		t.Errorf("later it is %v", state)
	}
}

// post: by HTTP, with an API token that may write; twice with one nonce is once.
func post(t *testing.T, s *system) {
	room, p, d := meet(t, s, "ada", "bob")
	made, err := p[0].CreateToken(t.Context(), &authv1.CreateTokenRequest{Name: "build", Scopes: []string{"write"}})
	if err != nil {
		t.Fatal(err)
	}
	bot, err := client.New(s.url, client.Options{Token: client.StaticToken(made.GetToken())})
	if err != nil {
		t.Fatal(err)
	}
	first, err := bot.Post(t.Context(), room, "Deployed.", client.WithNonce("build 7"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := bot.Post(t.Context(), room, "Deployed.", client.WithNonce("build 7"))
	if err != nil || again.GetSeq() != first.GetSeq() || !again.GetDuplicate() || first.GetDuplicate() {
		t.Errorf("again: %v, %v; first %v", again, err, first)
	}
	if got := d[1].event(room, first.GetSeq()); got.GetMessage().GetContent() != "Deployed." || got.GetActor().GetUserId() != p[0].id {
		t.Errorf("bob got %v", got)
	}
	_, err = bot.Messages(t.Context(), room, client.Which{})
	wantFault(t, "reading with a token to write", err, fault.PermissionDenied)
	eve := newPerson(t, s.url, "eve")
	_, err = eve.Post(t.Context(), room, "hi")
	wantFault(t, "a stranger posts", err, fault.PermissionDenied)
}

// deletedRoom: gone for everybody, on every gateway, and with it what was said.
func deletedRoom(t *testing.T, s *system) {
	room, p, d := meet(t, s, "ada", "bob")
	said := d[0].say(room, "nobody will know")
	d[1].event(room, said.GetSeq())
	wantFault(t, "a member deletes it", p[1].DeleteRoom(t.Context(), room), fault.PermissionDenied)
	if err := p[0].DeleteRoom(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	for i, device := range d {
		item(device, "gone", func(g *clientv1.Gone) bool { return g.GetRoomId() == room })
		if _, err := device.Send(t.Context(), room, "hello?"); fault.CodeOf(err) != fault.NotFound && fault.CodeOf(err) != fault.PermissionDenied {
			t.Errorf("%s speaks in a deleted room: %v", p[i].name, err)
		}
		_, err := p[i].GetRoom(t.Context(), room)
		wantFault(t, "looking at a deleted room", err, fault.NotFound)
		if _, err := p[i].Messages(t.Context(), room, client.Which{}); err == nil {
			t.Errorf("%s still reads it", p[i].name)
		}
	}
	back := newPersonsDevice(t, s.gatewayURL(1), p[0])
	w := item(back, "a welcome", func(*clientv1.Welcome) bool { return true })
	if stateOf(w, room) != nil {
		t.Errorf("it is in a later welcome: %v", w)
	}
}
