package session

import (
	"testing"
	"time"

	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

func TestJoinedAndLeft(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	inBoth(t, func(t *testing.T, e wire.Encoding) {
		p, other := shared.person(), shared.person()
		home, room := shared.room(1, p, other), shared.room(5, other)
		c, _ := g.connect(t, e, p)
		second, _ := g.connect(t, e, p)
		w, _ := g.connect(t, e, other)

		room.appendJoined(p)
		room.admit(p)
		room.tell(t, p)
		for _, c := range []*client{c, second} {
			j := c.next().GetUserEvent().GetJoined()
			if j.GetRoom().GetId() != room.String() || j.GetHeadSeq() != 6 || j.GetRole() != "member" {
				t.Errorf("joined %v", j)
			}
		}
		room.commit(1)
		c.events(room, 7, 7)
		second.events(room, 7, 7)
		room.tell(t, p) // told twice: nothing new

		room.dismiss(p)
		room.appendLeft(p)
		room.tell(t, p)
		room.commit(3)
		w.events(room, 6, 11) // all of it has passed the feed
		home.commit(1)
		for _, c := range []*client{c, second} {
			gone := 0
			for _, f := range c.events(home, 2, 2) {
				switch {
				case f.GetEvent().GetSeq() == 8 && gone == 0: // that the user left
				case f.GetGone().GetRoomId() == room.String():
					gone++
				default:
					t.Errorf("got %v after %d gone", f, gone)
				}
			}
			if gone != 1 {
				t.Errorf("%d gone", gone)
			}
		}
	})
}

// The user event may be what a gateway hears first, or at all.
func TestLeftByUserEventAlone(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	p := shared.person()
	home, room := shared.room(1, p), shared.room(5, p)
	c, _ := g.connect(t, wire.JSON, p)
	room.dismiss(p)
	room.tell(t, p)
	if f := c.next(); f.GetGone().GetRoomId() != room.String() {
		t.Errorf("got %v", f)
	}
	room.commit(1)
	home.commit(1)
	if others := c.events(home, 2, 2); len(others) != 0 {
		t.Errorf("got %v", others)
	}
	c.send(readFrame(2, room.String(), 1))
	if e := c.answer(2).GetError(); e.GetCode() != "permission_denied" {
		t.Errorf("got %v", e)
	}
}

// The membership ends after the hello has read it, before the welcome.
func TestMembershipLostDuringHello(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"user event", "event of the room"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, nil)
			p := shared.person()
			home, room := shared.room(1, p), shared.room(5, p)
			release := shared.hold(key("ListMemberships", p.id))
			defer release()
			c := g.dial(t, wire.JSON)
			c.hello(&clientv1.Hello{Token: p.token(t, time.Hour)})
			shared.untilCalled(t, key("ListMemberships", p.id), 1)
			room.dismiss(p)
			if how == "user event" {
				room.tell(t, p)
				shared.untilCalled(t, key("ListMemberships", p.id), 2) // the refresh waits too
			} else {
				room.appendLeft(p) // the log is newer than the membership: it is read again
			}
			release()
			w := c.next().GetWelcome()
			has := false
			for _, r := range w.GetRooms() {
				has = has || r.GetRoom().GetId() == room.String()
			}
			if how == "user event" {
				if !has {
					t.Fatal("the test does not show what it means to")
				}
				if f := c.next(); f.GetGone().GetRoomId() != room.String() {
					t.Errorf("got %v", f)
				}
			} else if has || len(w.GetRooms()) != 1 {
				t.Errorf("welcome %v", w)
			}
			room.commit(2)
			home.commit(1)
			if others := c.events(home, 2, 2); len(others) != 0 {
				t.Errorf("got %v", others)
			}
		})
	}
}

// The log is newer, but the user is still (or again) a member: with the role of now.
func TestNewerLogKeepsTheMember(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	p := shared.person()
	room := shared.room(5, p)
	release := shared.hold(key("ListMemberships", p.id))
	defer release()
	c := g.dial(t, wire.JSON)
	c.hello(&clientv1.Hello{Token: p.token(t, time.Hour)})
	shared.untilCalled(t, key("ListMemberships", p.id), 1)
	room.appendJoined(shared.person())
	room.log(func(l *roomLog) {
		m := shared.members[p.id][room.id]
		m.Role, m.Version = "admin", l.version
	})
	release()
	w := c.next().GetWelcome()
	if len(w.GetRooms()) != 1 || w.GetRooms()[0].GetRole() != "admin" || w.GetRooms()[0].GetHeadSeq() != 6 {
		t.Errorf("welcome %v", w)
	}
	room.commit(1)
	c.events(room, 7, 7)
}

// A user who left and came back, of whom the gateway had heard all that by user events before the log got here.
func TestLeftAndBack(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	p := shared.person()
	room := shared.room(5, p)
	c, _ := g.connect(t, wire.JSON, p)
	room.appendLeft(p)
	if f := c.next(); f.GetEvent().GetSeq() != 6 {
		t.Errorf("got %v", f)
	}
	room.appendJoined(p)
	room.admit(p)
	var gone, joined uint32
	c.until(func(f *clientv1.ServerFrame) bool {
		if f.GetGone() != nil {
			gone++
		}
		joined = max(joined, f.GetUserEvent().GetJoined().GetHeadSeq())
		return joined > 0
	})
	if gone != 1 || joined < 6 {
		t.Errorf("gone %d times, joined at %d", gone, joined)
	}
	room.commit(2)
	c.events(room, joined+1, 9)
}

// After a reconnect to the bus everything is read again.
func TestResync(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	p := shared.person()
	left, joined, kept := shared.room(1, p), shared.room(1), shared.room(1, p)
	c, _ := g.connect(t, wire.JSON, p)
	kept.log(func(l *roomLog) { l.mute = true })
	left.dismiss(p)
	joined.admit(p)
	kept.commit(1)
	g.hub.Resync()
	g.srv.Resync()
	want := map[string]bool{}
	c.until(func(f *clientv1.ServerFrame) bool {
		switch {
		case f.GetGone().GetRoomId() == left.String():
			want["gone"] = true
		case f.GetUserEvent().GetJoined().GetRoom().GetId() == joined.String():
			want["joined"] = true
		case f.GetEvent().GetRoomId() == kept.String() && f.GetEvent().GetSeq() == 2:
			want["event"] = true
		default:
			t.Errorf("got %v", f)
		}
		return len(want) == 3
	})
}
