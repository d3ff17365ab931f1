package session

import (
	"fmt"
	"slices"
	"testing"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	messagestorev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
)

func readFrame(id uint32, room string, seq uint32) *clientv1.ClientFrame {
	return &clientv1.ClientFrame{Id: id, Frame: &clientv1.ClientFrame_Read{Read: &clientv1.Read{RoomId: room, Seq: seq}}}
}

func unreadFrame(id uint32, room string, seq uint32) *clientv1.ClientFrame {
	return &clientv1.ClientFrame{Id: id, Frame: &clientv1.ClientFrame_Unread{Unread: &clientv1.Unread{RoomId: room, Seq: seq}}}
}

func deliveredFrame(id uint32, room string, seq uint32) *clientv1.ClientFrame {
	return &clientv1.ClientFrame{Id: id, Frame: &clientv1.ClientFrame_Delivered{Delivered: &clientv1.Delivered{RoomId: room, Seq: seq}}}
}

// short is a move in a test's table.
func short(m *messagestorev1.Marker) string {
	what := "read"
	switch {
	case m.GetUnread():
		what = "unread"
	case m.GetDelivered():
		what = "delivered"
	}
	return fmt.Sprintf("%s %d rev %d thread %d", what, m.GetSeq(), m.GetRev(), m.GetThread())
}

func TestReadMarkersAreGathered(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	inBoth(t, func(t *testing.T, e wire.Encoding) {
		p := shared.person()
		one, two := shared.room(100, p), shared.room(100, p)
		c, _ := g.connect(t, e, p)
		release := shared.hold(key("MoveMarkers", p.id))
		defer release()
		const reads = 100
		for i := range uint32(reads / 2) { // not in order: the highest counts
			c.send(readFrame(100+2*i, one.String(), 50-i), readFrame(101+2*i, two.String(), 1+i))
		}
		c.sync()
		release()
		answered := map[uint32]bool{}
		c.until(func(f *clientv1.ServerFrame) bool {
			if f.GetOk() == nil || answered[f.GetId()] {
				t.Fatalf("got %v", f)
			}
			answered[f.GetId()] = true
			return len(answered) == reads
		})
		shared.mu.Lock()
		defer shared.mu.Unlock()
		if n := shared.calls[key("MoveMarkers", p.id)]; n > 3 {
			t.Errorf("%d reads made %d calls", reads, n)
		}
		if m := shared.markers[p.id]; m[one.id] != 50 || m[two.id] != 50 {
			t.Errorf("markers %v", m)
		}
	})
}

func TestReadMarkersAreBounded(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(c *Config) { c.InFlight = 4 })
	p := shared.person()
	room := shared.room(100, p)
	c, _ := g.connect(t, wire.JSON, p)
	release := shared.hold(key("MoveMarkers", p.id))
	defer release()
	c.send(readFrame(10, room.String(), 1))
	shared.untilCalled(t, key("MoveMarkers", p.id), 1)
	for i := range uint32(5) {
		c.send(readFrame(11+i, room.String(), 2+i))
	}
	if f := c.next(); f.GetId() != 15 || f.GetError().GetCode() != "resource_exhausted" {
		t.Errorf("got %v", f)
	}
	release()
	for id := uint32(10); id < 15; id++ {
		if f := c.answer(id); f.GetOk() == nil {
			t.Errorf("got %v", f)
		}
	}
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if got := shared.markers[p.id][room.id]; got != 5 {
		t.Errorf("marker %d, want 5: the refused one does not count", got)
	}
}

// Another device of the user learns of a moved marker: by the user event, once.
func TestMarkerOfAnotherDevice(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	p := shared.person()
	room := shared.room(10, p)
	c, _ := g.connect(t, wire.JSON, p)
	moved := &busv1.UserEvent{Event: &busv1.UserEvent_Marker{Marker: &busv1.MarkerMoved{RoomId: room.String(), ReadSeq: 7, Unread: 3}}}
	p.publish(t, moved)
	if m := c.next().GetUserEvent().GetMarker(); m.GetRoomId() != room.String() || m.GetReadSeq() != 7 || m.GetUnread() != 3 {
		t.Errorf("got %v", m)
	}
	// The room was marked unread; what is older comes late.
	moved.GetMarker().Rev, moved.GetMarker().ReadSeq, moved.GetMarker().Mentions, moved.GetMarker().HeadSeq = 1, 2, 4, 10
	p.publish(t, moved)
	if m := c.next().GetUserEvent().GetMarker(); m.GetReadSeq() != 2 || m.GetRev() != 1 || m.GetMentions() != 4 || m.GetHeadSeq() != 10 {
		t.Errorf("got %v", m)
	}
	p.publish(t, &busv1.UserEvent{Event: &busv1.UserEvent_Marker{Marker: &busv1.MarkerMoved{RoomId: room.String(), ReadSeq: 8}}})
	p.publish(t, &busv1.UserEvent{Event: &busv1.UserEvent_Marker{Marker: &busv1.MarkerMoved{RoomId: room.String(), Thread: 4, ReadSeq: 6, Unread: 1}}})
	if m := c.next().GetUserEvent().GetMarker(); m.GetThread() != 4 || m.GetReadSeq() != 6 || m.GetUnread() != 1 {
		t.Errorf("got %v", m)
	}
	// One whose user event was lost is found when the memberships are read again.
	shared.mu.Lock()
	shared.markers[p.id], shared.revs[p.id] = map[ids.Room]uint32{room.id: 9}, 1
	shared.mu.Unlock()
	p.publish(t, moved)
	g.srv.Resync()
	if m := c.next().GetUserEvent().GetMarker(); m.GetReadSeq() != 9 || m.GetUnread() != 1 {
		t.Errorf("got %v", m)
	}
}

// Reads that follow each other become one; what was marked unread keeps its place among them.
func TestMarkersKeepTheirOrder(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	p := shared.person()
	room := shared.room(10, p)
	c, _ := g.connect(t, wire.JSON, p)
	release := shared.hold(key("MoveMarkers", p.id))
	defer release()
	c.send(readFrame(10, room.String(), 1))
	shared.untilCalled(t, key("MoveMarkers", p.id), 1)
	inThread := readFrame(13, room.String(), 6)
	inThread.GetRead().Thread = 2
	again := readFrame(16, room.String(), 4)
	again.GetRead().Rev = 1
	c.send(readFrame(11, room.String(), 3), readFrame(12, room.String(), 2), inThread, unreadFrame(14, room.String(), 3), readFrame(15, room.String(), 9), again)
	c.sync()
	release()
	for id := uint32(10); id < 17; id++ {
		if f := c.answer(id); f.GetOk() == nil {
			t.Errorf("got %v", f)
		}
	}
	c.send(unreadFrame(17, room.String(), 0))
	if e := c.answer(17).GetError(); e.GetCode() != "invalid_argument" || e.GetField() != "unread.seq" {
		t.Errorf("unread from nowhere: %v", e)
	}
	shared.mu.Lock()
	defer shared.mu.Unlock()
	var got []string
	for _, m := range shared.wishes[p.id] {
		got = append(got, short(m))
	}
	if want := []string{
		"read 1 rev 0 thread 0", "read 3 rev 0 thread 0", "read 6 rev 0 thread 2", "unread 3 rev 0 thread 0", "read 4 rev 1 thread 0",
	}; !slices.Equal(got, want) {
		t.Errorf("moves %q, want %q", got, want)
	}
}

func TestWishesAreBounded(t *testing.T) {
	t.Parallel()
	var w wishes
	room := ids.New[ids.Room]()
	for i := range uint32(maxWishes) {
		if !w.add(room, &messagestorev1.Marker{Thread: i, Seq: 1}) {
			t.Fatalf("move %d is one too many", i)
		}
	}
	if w.add(room, &messagestorev1.Marker{Thread: maxWishes, Seq: 1}) || w.add(room, &messagestorev1.Marker{Unread: true}) {
		t.Error("there is no end to it")
	}
	if !w.add(room, &messagestorev1.Marker{Thread: 3, Seq: 5}) || w.list[3].GetSeq() != 5 || len(w.list) != maxWishes {
		t.Error("a read that takes the place of another was refused")
	}
}

// What is delivered gathers; what is read meanwhile, and large rooms, are left out.
func TestDelivered(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	p := shared.person()
	one, two, large := shared.room(10, p), shared.room(10, p), shared.room(10, p)
	shared.mu.Lock()
	shared.members[p.id][large.id].Room.MemberCount = maxReceiptRoom + 1
	shared.mu.Unlock()
	c, _ := g.connect(t, wire.JSON, p)
	c.send(deliveredFrame(2, one.String(), 3), deliveredFrame(3, one.String(), 5), deliveredFrame(4, two.String(), 4), deliveredFrame(5, large.String(), 4),
		deliveredFrame(0, one.String(), 4))
	for id := uint32(2); id < 6; id++ {
		if f := c.answer(id); f.GetOk() == nil {
			t.Errorf("got %v", f)
		}
	}
	p.publish(t, &busv1.UserEvent{Event: &busv1.UserEvent_Marker{Marker: &busv1.MarkerMoved{RoomId: two.String(), ReadSeq: 4}}})
	c.until(func(f *clientv1.ServerFrame) bool { return f.GetUserEvent().GetMarker() != nil })
	shared.until(t, "the receipts", func() bool { return len(shared.wishes[p.id]) > 0 })
	c.send(deliveredFrame(6, two.String(), 4), readFrame(7, one.String(), 6)) // the first is known
	c.answer(7)
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if m := shared.wishes[p.id]; len(m) != 2 || m[0].GetRoomId() != one.String() || short(m[0]) != "delivered 5 rev 0 thread 0" {
		t.Errorf("moves %v", m)
	}
}
