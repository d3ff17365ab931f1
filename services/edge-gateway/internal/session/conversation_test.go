package session

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
)

// setMembership changes what rooms knows of a member, without telling anybody.
func (r *testRoom) setMembership(p *person, change func(*roomsv1.Membership)) {
	r.log(func(*roomLog) { change(r.b.members[p.id][r.id]) })
}

func TestThreads(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	inBoth(t, func(t *testing.T, e wire.Encoding) {
		p := shared.person()
		room := shared.room(3, p)
		c, _ := g.connect(t, e, p)
		c.send(&clientv1.ClientFrame{Id: 4, Frame: &clientv1.ClientFrame_Send{Send: &clientv1.Send{
			RoomId: room.String(), Nonce: "n", Content: "in the thread", Thread: 2, ReplyTo: 3,
		}}})
		c.until(func(f *clientv1.ServerFrame) bool { return f.GetAck().GetSeq() == 4 })
		if m := room.requests()[0][0].GetMessage(); m.GetThread() != 2 || m.GetReplyTo() != 3 {
			t.Errorf("sent on as %v", m)
		}
		c.send(fetchFrame(5, &clientv1.Fetch{RoomId: room.String(), Thread: 2}))
		var page *clientv1.Page
		c.until(func(f *clientv1.ServerFrame) bool { page = f.GetPage(); return page != nil })
		if page.GetThread() != 2 || page.GetMessages()[0].GetThread() != 2 || len(page.GetNotices()) != 1 {
			t.Errorf("page %v", page)
		}
	})
}

func TestWelcomeShowsWhatConcernsTheUser(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	p := shared.person()
	room := shared.room(3, p)
	until := timestamppb.New(time.Now().Add(time.Hour))
	room.setMembership(p, func(m *roomsv1.Membership) {
		m.Preferences, m.MutedUntil = &clientv1.Preferences{IsFavourite: true, Notifications: "mentions"}, until
		m.Room.Name = "old"
	})
	_, w := g.connect(t, wire.Proto, p)
	r := w.GetRooms()[0]
	if !r.GetPreferences().GetIsFavourite() || r.GetPreferences().GetNotifications() != "mentions" || !r.GetMutedUntil().AsTime().Equal(until.AsTime()) {
		t.Errorf("room %v", r)
	}
	// A renamed room: what rooms remembers is older than the log, so it is asked again.
	release := shared.hold(key("ListMemberships", p.id))
	defer release()
	c := g.dial(t, wire.JSON)
	c.hello(&clientv1.Hello{Token: p.token(t, time.Hour)})
	shared.untilCalled(t, key("ListMemberships", p.id), 2)
	room.log(func(l *roomLog) { l.version++ })
	room.setMembership(p, func(m *roomsv1.Membership) { m.Room.Name, m.Version, m.Preferences = "new", 2, nil })
	release()
	if r := c.next().GetWelcome().GetRooms()[0]; r.GetRoom().GetName() != "new" || r.GetPreferences() != nil {
		t.Errorf("after the change: %v", r)
	}
}

// What concerns the user reaches all of their connections, and nobody else's.
func TestUserEventsArePassedOn(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	inBoth(t, func(t *testing.T, e wire.Encoding) {
		p, other := shared.person(), shared.person()
		room := shared.room(1, p, other)
		first, _ := g.connect(t, e, p)
		second, _ := g.connect(t, e, p)
		w, _ := g.connect(t, e, other)
		preferences := &clientv1.PreferencesChanged{RoomId: room.String(), Preferences: &clientv1.Preferences{IsFavourite: true, HiddenSeq: 1, Rev: 2}}
		invited := &clientv1.Invited{InvitationId: "i", Room: &chatv1.Room{Name: "secret"}, By: &chatv1.UserRef{Username: "ada"}}
		saved := &clientv1.SavedChanged{RoomId: room.String(), Seq: 1, Removed: true}
		for _, tt := range []struct {
			in   *busv1.UserEvent
			want *clientv1.UserEvent
		}{
			{
				&busv1.UserEvent{Event: &busv1.UserEvent_Preferences{Preferences: preferences}},
				&clientv1.UserEvent{Event: &clientv1.UserEvent_Preferences{Preferences: preferences}},
			},
			{&busv1.UserEvent{Event: &busv1.UserEvent_Invited{Invited: invited}}, &clientv1.UserEvent{Event: &clientv1.UserEvent_Invited{Invited: invited}}},
			{&busv1.UserEvent{Event: &busv1.UserEvent_Saved{Saved: saved}}, &clientv1.UserEvent{Event: &clientv1.UserEvent_Saved{Saved: saved}}},
		} {
			p.publish(t, tt.in)
			for _, c := range []*client{first, second} {
				if got := c.next().GetUserEvent(); !proto.Equal(got, tt.want) {
					t.Errorf("got %v, want %v", got, tt.want)
				}
			}
		}
		p.publish(t, &busv1.UserEvent{Event: &busv1.UserEvent_Preferences{Preferences: preferences}}) // no news
		p.publish(t, &busv1.UserEvent{Event: &busv1.UserEvent_Preferences{Preferences: &clientv1.PreferencesChanged{
			RoomId: room.String(), Preferences: &clientv1.Preferences{Notifications: "all", Rev: 1}, // came late
		}}})
		p.publish(t, &busv1.UserEvent{Event: &busv1.UserEvent_Preferences{Preferences: &clientv1.PreferencesChanged{
			RoomId: ids.New[ids.Room]().String(), Preferences: &clientv1.Preferences{IsFavourite: true, Rev: 3}, // of no room of theirs
		}}})
		room.commit(1)
		for _, c := range []*client{first, second, w} {
			if f := c.next(); f.GetEvent().GetSeq() != 2 {
				t.Errorf("got %v", f)
			}
		}
	})
}

// Preferences that the bus lost are found when the user's rooms are read again.
func TestLostPreferences(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	p := shared.person()
	room := shared.room(1, p)
	c, _ := g.connect(t, wire.JSON, p)
	room.setMembership(p, func(m *roomsv1.Membership) { m.Preferences = &clientv1.Preferences{Notifications: "none", Rev: 1} })
	g.srv.Resync()
	if got := c.next().GetUserEvent().GetPreferences(); got.GetRoomId() != room.String() || got.GetPreferences().GetNotifications() != "none" {
		t.Errorf("got %v", got)
	}
}

// All connections of all members on every gateway are told at once, and nobody gets in any more.
func TestDeletedRoom(t *testing.T) {
	t.Parallel()
	here, there := newGateway(t, nil), newGateway(t, nil)
	p, other := shared.person(), shared.person()
	home, room := shared.room(1, p, other), shared.room(5, p, other)
	first, _ := here.connect(t, wire.JSON, p)
	second, _ := there.connect(t, wire.Proto, p)
	third, _ := there.connect(t, wire.JSON, other)
	calls := func() int {
		shared.mu.Lock()
		defer shared.mu.Unlock()
		return shared.calls[key("ListMemberships", p.id)]
	}
	before := calls()
	room.append(&chatv1.Event{Body: &chatv1.Event_RoomUpdated{RoomUpdated: &chatv1.RoomUpdated{IsDeleted: true}}})
	for _, c := range []*client{first, second, third} {
		if f := c.next(); f.GetEvent().GetSeq() != 6 || !f.GetEvent().GetRoomUpdated().GetIsDeleted() {
			t.Errorf("got %v", f)
		}
		if f := c.next(); f.GetGone().GetRoomId() != room.String() {
			t.Errorf("got %v", f)
		}
	}
	if n := calls() - before; n != 0 {
		t.Errorf("the deletion made %d reads of memberships", n)
	}
	room.dismiss(p)
	room.tell(t, p)
	first.send(readFrame(2, room.String(), 1))
	if e := first.answer(2).GetError(); e.GetCode() != "permission_denied" {
		t.Errorf("got %v", e)
	}
	home.commit(1)
	for _, c := range []*client{first, second, third} {
		if f := c.next(); f.GetEvent().GetRoomId() != home.String() {
			t.Errorf("got %v", f)
		}
	}
}
