package session

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

func sendFrame(id uint32, room fmt.Stringer, nonce, content string) *clientv1.ClientFrame {
	return &clientv1.ClientFrame{Id: id, Frame: &clientv1.ClientFrame_Send{Send: &clientv1.Send{
		RoomId: room.String(), Nonce: nonce, Content: content,
	}}}
}

func TestSend(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	inBoth(t, func(t *testing.T, e wire.Encoding) {
		alice, bob := shared.person(), shared.person()
		room := shared.room(2, alice, bob)
		a, _ := g.connect(t, e, alice)
		b, _ := g.connect(t, wire.JSON, bob)
		a.send(sendFrame(2, room, "n1", "hi"))
		var ack *clientv1.Ack
		var event *chatv1.Event
		for ack == nil || event == nil { // in either order
			switch f := a.next(); {
			case f.GetAck() != nil && f.GetId() == 2:
				ack = f.GetAck()
			case f.GetEvent() != nil:
				event = f.GetEvent()
			default:
				t.Fatalf("got %v", f)
			}
		}
		if ack.GetSeq() != 3 || ack.GetNonce() != "n1" || ack.GetRoomId() != room.String() || ack.GetDuplicate() || ack.GetCreatedAt() == nil {
			t.Errorf("ack %v", ack)
		}
		if event.GetSeq() != 3 || event.GetNonce() != "n1" || event.GetMessage().GetContent() != "hi" ||
			event.GetActor().GetUserId() != alice.id.String() || event.GetActor().GetUsername() == "" {
			t.Errorf("event %v", event)
		}
		if got := b.next().GetEvent(); !proto.Equal(got, event) {
			t.Errorf("the other member got %v", got)
		}
		// A retry, through another connection, has the original ack.
		again, _ := g.connect(t, e, alice)
		again.send(sendFrame(4, room, "n1", "hi"))
		want := proto.CloneOf(ack)
		want.Duplicate = true
		if f := again.next(); f.GetId() != 4 || !proto.Equal(f.GetAck(), want) {
			t.Errorf("retry: %v, want %v", f, want)
		}
	})
}

func TestCommandsOnTheBus(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	p := shared.person()
	room := shared.room(1, p)
	id := room.String()
	c, _ := g.connect(t, wire.JSON, p)
	for i, tt := range []struct {
		frame *clientv1.ClientFrame
		want  *busv1.Command
	}{
		{
			&clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Send{Send: &clientv1.Send{
				RoomId: id, Nonce: "n0", Content: "c", Type: "file", FileUrl: "/f", ReplyTo: 1,
			}}},
			&busv1.Command{Body: &busv1.Command_Message{Message: &chatv1.MessagePosted{Content: "c", Type: "file", FileUrl: "/f", ReplyTo: 1}}},
		}, {
			&clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Edit{Edit: &clientv1.Edit{RoomId: id, Nonce: "n1", Seq: 7, Content: "c"}}},
			&busv1.Command{Body: &busv1.Command_Edited{Edited: &chatv1.MessageEdited{Seq: 7, Content: "c"}}},
		}, {
			&clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Delete{Delete: &clientv1.Delete{RoomId: id, Nonce: "n2", Seq: 7}}},
			&busv1.Command{Body: &busv1.Command_Deleted{Deleted: &chatv1.MessageDeleted{Seq: 7}}},
		}, {
			&clientv1.ClientFrame{Frame: &clientv1.ClientFrame_React{React: &clientv1.React{RoomId: id, Nonce: "n3", Seq: 7, Emoji: "👍", Remove: true}}},
			&busv1.Command{Body: &busv1.Command_Reaction{Reaction: &chatv1.ReactionChanged{Seq: 7, Emoji: "👍", Removed: true}}},
		}, {
			&clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Pin{Pin: &clientv1.Pin{RoomId: id, Nonce: "n4", Seq: 7, Remove: true}}},
			&busv1.Command{Body: &busv1.Command_Pinned{Pinned: &chatv1.PinChanged{Seq: 7, Removed: true}}},
		},
	} {
		tt.frame.Id = uint32(10 + i)
		c.send(tt.frame)
		if f := c.answer(tt.frame.GetId()); f.GetAck() == nil {
			t.Fatalf("%v: %v", tt.frame, f)
		}
		got := slices.Concat(room.requests()...)[i]
		if got.GetActor().GetUserId() != p.id.String() {
			t.Errorf("actor %v", got.GetActor())
		}
		tt.want.RoomId, tt.want.Nonce, tt.want.Actor = id, fmt.Sprintf("n%d", i), got.GetActor()
		if !proto.Equal(got, tt.want) {
			t.Errorf("got %v, want %v", got, tt.want)
		}
	}
}

func TestRefusedCommands(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	p := shared.person()
	room := shared.room(1, p)
	heard, err := shared.nc.SubscribeSync("natter.in.>")
	if err != nil {
		t.Fatal(err)
	}
	c, _ := g.connect(t, wire.JSON, p)
	id := uint32(1)
	for _, tt := range []struct{ room, nonce, field string }{
		{"*", "n", "send.roomId"},
		{">", "n", "send.roomId"},
		{"", "n", "send.roomId"},
		{room.String() + ".x", "n", "send.roomId"},
		{"*" + room.String()[1:], "n", "send.roomId"},
		{strings.Replace(room.String(), "-", ".", 4), "n", "send.roomId"},
		{strings.ToUpper(room.String()), "n", "send.roomId"},
		{room.String(), "", "send.nonce"},
		{room.String(), strings.Repeat("n", 65), "send.nonce"},
		{room.String(), "natter:v7", "send.nonce"},
	} {
		id++
		c.send(&clientv1.ClientFrame{Id: id, Frame: &clientv1.ClientFrame_Send{Send: &clientv1.Send{RoomId: tt.room, Nonce: tt.nonce}}})
		if e := c.answer(id).GetError(); e.GetCode() != "invalid_argument" || e.GetField() != tt.field {
			t.Errorf("%v: %v", tt, e)
		}
	}
	// The first that is allowed is the only one of this user that reaches the bus.
	c.send(sendFrame(99, room, strings.Repeat("n", 64), "hi"))
	c.answer(99)
	for {
		msg, err := heard.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(msg.Data), p.id.String()) {
			continue // another test's
		}
		if msg.Subject != subject.In(room.id) || !strings.Contains(string(msg.Data), strings.Repeat("n", 64)) {
			t.Errorf("%q reached the bus: %q", msg.Subject, msg.Data)
		}
		return
	}
}

// While the owner of a room is at work, what follows gathers, and goes together in the order in which it came. Other rooms
// do not wait.
func TestOrderAndBatching(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	inBoth(t, func(t *testing.T, e wire.Encoding) {
		p := shared.person()
		slow, other := shared.room(1, p), shared.room(1, p)
		c, _ := g.connect(t, e, p)
		release := shared.hold(key("in", slow))
		defer release()
		const sends = 100
		var frames []*clientv1.ClientFrame
		for i := range uint32(sends) {
			frames = append(frames, sendFrame(100+i, slow, fmt.Sprintf("n%d", i), "x"))
		}
		c.send(frames[:1]...)
		shared.untilCalled(t, key("in", slow), 1)
		c.send(frames[1:]...)
		c.send(sendFrame(2, other, "o", "x"))
		c.answer(2)
		release()
		next := uint32(100)
		c.until(func(f *clientv1.ServerFrame) bool {
			if a := f.GetAck(); a != nil {
				if f.GetId() != next || a.GetSeq() != next-100+2 {
					t.Fatalf("ack %v, want that of %d with seq %d", f, next, next-100+2)
				}
				next++
			}
			return next == 100+sends
		})
		var sizes []int
		for _, batch := range slow.requests() {
			sizes = append(sizes, len(batch))
		}
		if !slices.Equal(sizes, []int{1, maxBatch, sends - 1 - maxBatch}) {
			t.Errorf("batches of %v", sizes)
		}
	})
}

// What one request of the bus cannot carry goes in several.
func TestLargeCommandsAreSplit(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	p := shared.person()
	room := shared.room(1, p)
	c, _ := g.connect(t, wire.Proto, p)
	release := shared.hold(key("in", room))
	defer release()
	const sends = 40
	for i := range uint32(sends) {
		c.send(sendFrame(100+i, room, fmt.Sprintf("n%d", i), strings.Repeat("x", 60<<10))) // 2.4 MB together
	}
	c.sync()
	release()
	for i := range uint32(sends) {
		if f := c.answer(100 + i); f.GetAck().GetSeq() != 2+i {
			t.Fatalf("answer %v", f.GetError())
		}
	}
}

func TestFailureHoldsLaterCommandsBack(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	g.srv.sender.Silence, g.srv.sender.Budget = 100*time.Millisecond, 300*time.Millisecond
	p := shared.person()
	room := shared.room(1, p)
	room.log(func(l *roomLog) { l.silent = true })
	c, _ := g.connect(t, wire.JSON, p)
	c.send(sendFrame(10, room, "n10", "x"))
	shared.untilCalled(t, key("in", room), 1)
	c.send(sendFrame(11, room, "n11", "x"), sendFrame(12, room, "n12", "x"))
	for id, code := range map[uint32]string{10: "unavailable", 11: "aborted", 12: "aborted"} {
		f := c.next()
		if want := map[uint32]string{10: "unavailable", 11: "aborted", 12: "aborted"}[f.GetId()]; want == "" || f.GetError().GetCode() != want {
			t.Errorf("got %v; want %d %s among others", f, id, code)
		}
		if f.GetId() == 10 && f.GetError().GetRetryAfterMs() < 1000 {
			t.Errorf("retry after %d ms", f.GetError().GetRetryAfterMs())
		}
	}
	for _, batch := range room.requests() {
		if len(batch) != 1 || batch[0].GetNonce() != "n10" {
			t.Errorf("held back, but sent: %v", batch)
		}
	}
	room.log(func(l *roomLog) { l.silent = false })
	for id := uint32(10); id < 13; id++ {
		c.send(sendFrame(id, room, fmt.Sprintf("n%d", id), "x"))
	}
	for id := uint32(10); id < 13; id++ {
		if f := c.answer(id); f.GetAck().GetSeq() != id-10+2 {
			t.Errorf("sent again: %v", f)
		}
	}
}

func TestInFlightBound(t *testing.T) {
	t.Parallel()
	const bound = 5
	g := newGateway(t, func(c *Config) { c.InFlight = bound })
	p := shared.person()
	room := shared.room(1, p)
	c, _ := g.connect(t, wire.JSON, p)
	release := shared.hold(key("in", room))
	defer release()
	for i := range uint32(bound + 1) {
		c.send(sendFrame(10+i, room, fmt.Sprintf("n%d", i), "x"))
	}
	if f := c.next(); f.GetId() != 10+bound || f.GetError().GetCode() != "resource_exhausted" || f.GetError().GetRetryAfterMs() == 0 {
		t.Errorf("got %v", f)
	}
	release()
	for i := range uint32(bound) {
		if f := c.answer(10 + i); f.GetAck() == nil {
			t.Errorf("got %v", f)
		}
	}
	c.send(sendFrame(30, room, "n30", "x"))
	if f := c.answer(30); f.GetAck() == nil {
		t.Errorf("after the acks: %v", f)
	}
}

// The rate is the user's, over all connections.
func TestRateBound(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(c *Config) { c.CommandsPerSecond = 1 }) // a burst of 3
	p := shared.person()
	room := shared.room(1, p)
	one, _ := g.connect(t, wire.JSON, p)
	two, _ := g.connect(t, wire.JSON, p)
	for i := range uint32(2) {
		one.send(sendFrame(10+i, room, fmt.Sprintf("n%d", i), "x"))
		if f := one.answer(10 + i); f.GetAck() == nil {
			t.Errorf("got %v", f)
		}
	}
	two.send(sendFrame(20, room, "n20", "x"))
	two.answer(20)
	two.send(sendFrame(21, room, "n21", "x"))
	if e := two.answer(21).GetError(); e.GetCode() != "resource_exhausted" || e.GetRetryAfterMs() == 0 || e.GetRetryAfterMs() > 1000 {
		t.Errorf("got %v", e)
	}
	other := shared.person()
	room.admit(other)
	c, _ := g.connect(t, wire.JSON, other)
	c.send(sendFrame(10, room, "n", "x"))
	if f := c.answer(10); f.GetAck() == nil {
		t.Errorf("another user: %v", f)
	}
}
