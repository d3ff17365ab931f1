package session

import (
	"strings"
	"testing"
	"time"

	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

func cursor(r *testRoom, seq uint32) *clientv1.Cursor {
	return &clientv1.Cursor{RoomId: r.String(), Seq: seq}
}

func resumeFrame(id uint32, cursors ...*clientv1.Cursor) *clientv1.ClientFrame {
	return &clientv1.ClientFrame{Id: id, Frame: &clientv1.ClientFrame_Resume{Resume: &clientv1.Resume{Rooms: cursors}}}
}

func TestResumeInHello(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	inBoth(t, func(t *testing.T, e wire.Encoding) {
		p := shared.person()
		listed, unlisted, long := shared.room(10, p), shared.room(10, p), shared.room(1500, p)
		foreign := shared.room(3)
		c, _ := g.connect(t, e, p, cursor(listed, 4), cursor(long, 400), cursor(foreign, 1))
		next, done := uint32(5), map[string]bool{}
		c.until(func(f *clientv1.ServerFrame) bool {
			switch {
			case f.GetEvent() != nil:
				if f.GetEvent().GetRoomId() != listed.String() || f.GetEvent().GetSeq() != next {
					t.Fatalf("got %v, want event %d", f, next)
				}
				next++
			case f.GetCaughtUp() != nil:
				if f.GetCaughtUp().GetRoomId() != listed.String() || f.GetCaughtUp().GetSeq() != 10 || next != 11 {
					t.Errorf("got %v after event %d", f, next-1)
				}
				done["caughtUp"] = true
			case f.GetReset_() != nil:
				if f.GetReset_().GetRoomId() != long.String() || f.GetReset_().GetHeadSeq() != 1500 {
					t.Errorf("got %v", f)
				}
				done["reset"] = true
			case f.GetGone() != nil:
				if f.GetGone().GetRoomId() != foreign.String() {
					t.Errorf("got %v", f)
				}
				done["gone"] = true
			default:
				t.Errorf("got %v", f)
			}
			return len(done) == 3
		})
		for _, r := range []*testRoom{foreign, long, unlisted, listed} {
			r.commit(1)
		}
		live := map[string]uint32{long.String(): 1501, unlisted.String(): 11, listed.String(): 11}
		for len(live) > 0 {
			ev := c.next().GetEvent()
			if ev.GetSeq() == 0 || ev.GetSeq() != live[ev.GetRoomId()] {
				t.Fatalf("got %v, want one of %v", ev, live)
			}
			delete(live, ev.GetRoomId())
		}
	})
}

func TestResumeByFrame(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	inBoth(t, func(t *testing.T, e wire.Encoding) {
		p := shared.person()
		room, foreign := shared.room(600, p), shared.room(3)
		c, _ := g.connect(t, e, p)
		c.send(resumeFrame(2, cursor(room, 20), cursor(foreign, 1)))
		others := c.events(room, 21, 600)
		ok, gone := false, false
		for _, f := range others {
			ok = ok || f.GetOk() != nil && f.GetId() == 2
			gone = gone || f.GetGone().GetRoomId() == foreign.String()
		}
		if len(others) != 2 || !ok || !gone {
			t.Errorf("got %v, want ok and gone", others)
		}
		if f := c.next(); f.GetCaughtUp().GetSeq() != 600 {
			t.Errorf("got %v", f)
		}
		// Again, on the same connection: the feed starts again at the cursor, and stays live.
		c.send(resumeFrame(3, cursor(room, 598)))
		c.events(room, 599, 600)
		room.commit(1)
		c.events(room, 601, 601)
	})
}

func TestResumeOfAnotherEpoch(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	p := shared.person()
	room, unlisted := shared.room(10, p), shared.room(10, p)
	c := g.dial(t, wire.JSON)
	c.hello(&clientv1.Hello{Token: p.token(t, time.Hour), Epoch: "before-the-backup", Resume: []*clientv1.Cursor{cursor(room, 9)}})
	c.next()
	if f := c.next(); f.GetReset_().GetRoomId() != room.String() || f.GetReset_().GetHeadSeq() != 10 {
		t.Errorf("got %v", f)
	}
	room.commit(1)
	c.events(room, 11, 11)
	unlisted.commit(1)
	if others := c.events(unlisted, 11, 11); len(others) != 0 {
		t.Errorf("got %v", others)
	}
}

// Of two resumes of one room the later counts, also when the earlier is stuck, and also against the joins of the hello,
// which go on in the background.
func TestRacingResumes(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	p := shared.person()
	room := shared.room(500, p)
	c, _ := g.connect(t, wire.JSON, p)
	release := shared.hold(key("GetEvents", room))
	defer release()
	c.send(resumeFrame(2, cursor(room, 10)))
	shared.untilCalled(t, key("GetEvents", room), 1)
	c.send(resumeFrame(3, cursor(room, 20)))
	shared.untilCalled(t, key("GetEvents", room), 2)
	release()
	for _, f := range c.events(room, 21, 500) {
		if f.GetOk() == nil {
			t.Errorf("got %v", f)
		}
	}
	if f := c.next(); f.GetCaughtUp().GetSeq() != 500 {
		t.Errorf("got %v", f)
	}
	room.commit(1)
	c.events(room, 501, 501)
}

func TestResumeRightAfterHello(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	for range 20 {
		p := shared.person()
		var rooms []*testRoom
		var cursors []*clientv1.Cursor
		for range 40 {
			r := shared.room(3, p)
			rooms = append(rooms, r)
			cursors = append(cursors, cursor(r, 1))
		}
		c := g.dial(t, wire.Proto)
		// None is listed in the hello, so all would start at their heads; the resume is in the same message.
		c.send(&clientv1.ClientFrame{Id: 1, Frame: &clientv1.ClientFrame_Hello{Hello: &clientv1.Hello{Token: p.token(t, time.Hour)}}},
			resumeFrame(2, cursors...))
		c.answer(2)
		for _, r := range rooms {
			r.commit(1)
		}
		last, caughtUp := map[string]uint32{}, 0
		c.until(func(f *clientv1.ServerFrame) bool {
			if ev := f.GetEvent(); ev != nil {
				if want := max(last[ev.GetRoomId()]+1, 2); ev.GetSeq() != want {
					t.Fatalf("event %d, want %d", ev.GetSeq(), want)
				}
				last[ev.GetRoomId()] = ev.GetSeq()
			}
			if f.GetCaughtUp() != nil {
				caughtUp++
			}
			done := caughtUp == len(rooms)
			for _, r := range rooms {
				done = done && last[r.String()] == 4
			}
			return done
		})
		_ = c.ws.CloseNow()
	}
}

// Catching up is paced by the connection: it never closes it, however small the queue, and however slow the reader.
func TestCatchingUpNeverOverflows(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(c *Config) { c.QueueBytes = 256 << 10 })
	p := shared.person()
	var cursors []*clientv1.Cursor
	const rooms, events = 16, 40
	for range rooms {
		r := shared.room(0, p)
		for range events {
			r.append(&chatv1.Event{Body: &chatv1.Event_Message{Message: &chatv1.MessagePosted{Content: strings.Repeat("\n", 8<<10)}}})
		}
		cursors = append(cursors, cursor(r, 0))
	}
	release := shared.hold(key("ListMessages", p.id))
	defer release()
	c, _ := g.connect(t, wire.JSON, p, cursors...) // 10 MB of JSON; the socket's buffers take less
	for range 2 {                                  // out of the store; once more, partly out of the rings
		poll(t, "a full queue", func() bool { return g.srv.queued.Load() > 128<<10 })
		for id := range uint32(maxFetches) { // of history, too, more than fits at once
			c.send(fetchFrame(10+id, &clientv1.Fetch{RoomId: largePages}))
		}
		release()
		caughtUp, pages, got := 0, 0, 0
		c.until(func(f *clientv1.ServerFrame) bool {
			if f.GetEvent() != nil {
				got++
			}
			if f.GetCaughtUp() != nil {
				caughtUp++
			}
			if f.GetPage() != nil {
				pages++
			}
			if f.GetError() != nil {
				t.Fatalf("got %v", f)
			}
			return caughtUp == rooms && pages == maxFetches
		})
		if got != rooms*events {
			t.Errorf("%d events, want %d", got, rooms*events)
		}
		c.send(resumeFrame(0, cursors...))
	}
}
