package session

import (
	"slices"
	"testing"

	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

func typingFrame(id uint32, room string, active bool) *clientv1.ClientFrame {
	return &clientv1.ClientFrame{Id: id, Frame: &clientv1.ClientFrame_Typing{Typing: &clientv1.Typing{RoomId: room, Active: active}}}
}

func fetchFrame(id uint32, f *clientv1.Fetch) *clientv1.ClientFrame {
	return &clientv1.ClientFrame{Id: id, Frame: &clientv1.ClientFrame_Fetch{Fetch: f}}
}

func TestNonMembersAreRefused(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	c, _ := g.connect(t, wire.JSON, shared.person())
	foreign := shared.room(1)
	for name, f := range map[string]*clientv1.ClientFrame{
		"read": readFrame(2, foreign.String(), 1), "typing": typingFrame(2, foreign.String(), true),
		"unread": unreadFrame(2, foreign.String(), 1), "delivered": deliveredFrame(2, foreign.String(), 1),
	} {
		c.send(f)
		if e := c.answer(2).GetError(); e.GetCode() != "permission_denied" {
			t.Errorf("%s: %v", name, e)
		}
	}
	for field, f := range map[string]*clientv1.ClientFrame{
		"read.roomId": readFrame(3, "*", 1), "typing.roomId": typingFrame(3, ">", true),
		"unread.roomId": unreadFrame(3, "*", 1), "delivered.roomId": deliveredFrame(3, "", 1), "fetch.roomId": fetchFrame(3, &clientv1.Fetch{RoomId: "a.b"}),
		"resume.rooms.roomId": {Id: 3, Frame: &clientv1.ClientFrame_Resume{Resume: &clientv1.Resume{Rooms: []*clientv1.Cursor{{RoomId: "*"}}}}},
	} {
		c.send(f)
		if e := c.answer(3).GetError(); e.GetCode() != "invalid_argument" || e.GetField() != field {
			t.Errorf("%s: %v", field, e)
		}
	}
}

func TestTyping(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	inBoth(t, func(t *testing.T, e wire.Encoding) {
		alice, bob := shared.person(), shared.person()
		room := shared.room(1, alice, bob)
		a, own, b := g.join(t, e, alice, room), g.join(t, e, alice, room), g.join(t, e, bob, room)
		for id := uint32(2); id < 12; id++ { // repeated: one signal
			a.send(typingFrame(id, room.String(), true))
			if f := a.answer(id); f.GetOk() == nil {
				t.Fatalf("got %v", f)
			}
		}
		a.send(typingFrame(0, room.String(), false), typingFrame(0, room.String(), false), sendFrame(20, room, "n", "x"))
		var got []bool
		b.until(func(f *clientv1.ServerFrame) bool {
			if s := f.GetSignal(); s != nil {
				if s.GetRoomId() != room.String() || s.GetUserId() != alice.id.String() {
					t.Errorf("signal %v", s)
				}
				got = append(got, s.GetTyping())
			}
			return f.GetEvent() != nil
		})
		if !slices.Equal(got, []bool{true, false}) {
			t.Errorf("signals %v, want started and stopped", got)
		}
		for _, c := range []*client{a, own} {
			for _, f := range c.until(func(f *clientv1.ServerFrame) bool { return f.GetEvent() != nil }) {
				if f.GetSignal() != nil {
					t.Errorf("echoed: %v", f)
				}
			}
		}
	})
}

func TestFetch(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	inBoth(t, func(t *testing.T, e wire.Encoding) {
		p := shared.person()
		room := shared.room(1, p)
		c, _ := g.connect(t, e, p)
		for want, f := range map[string]*clientv1.Fetch{
			"0 0 0":   {RoomId: room.String()},
			"41 0 10": {RoomId: room.String(), BeforeSeq: new(uint32(41)), Limit: 10},
			"0 7 0":   {RoomId: room.String(), AfterSeq: new(uint32(7))},
		} {
			c.send(fetchFrame(2, f))
			page := c.answer(2).GetPage()
			if page.GetRoomId() != room.String() || page.GetAsOfSeq() != 42 || !page.GetMore() || page.GetMessages()[0].GetContent() != want {
				t.Errorf("%v: %v", f, page)
			}
		}
		c.send(fetchFrame(3, &clientv1.Fetch{RoomId: room.String(), BeforeSeq: new(uint32(0)), AfterSeq: new(uint32(0))}))
		if e := c.answer(3).GetError(); e.GetCode() != "invalid_argument" || e.GetField() != "fetch.afterSeq" {
			t.Errorf("both cursors: %v", e)
		}
		release := shared.hold(key("ListMessages", p.id))
		defer release()
		for i := range uint32(maxFetches + 1) {
			c.send(fetchFrame(10+i, &clientv1.Fetch{RoomId: room.String()}))
		}
		if f := c.next(); f.GetId() != 10+maxFetches || f.GetError().GetCode() != "resource_exhausted" || f.GetError().GetRetryAfterMs() == 0 {
			t.Errorf("one too many: %v", f)
		}
		release()
		for range maxFetches {
			if f := c.next(); f.GetPage() == nil {
				t.Errorf("got %v", f)
			}
		}
	})
}
