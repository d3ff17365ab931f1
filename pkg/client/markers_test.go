package client

import (
	"iter"
	"testing"
	"testing/synctest"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// A marker is moved as of what the program was told: what another device marked unread stays unread until it has heard of it.
func TestReadMarkersSayWhatTheyKnow(t *testing.T) {
	t.Parallel()
	inEachEncoding(t, func(g *gateway, e Encoding) {
		conn, p := g.connect(ConnOptions{Encoding: e}, &clientv1.RoomState{Room: &chatv1.Room{Id: room}, HeadSeq: 9, Rev: 2})
		ctx := g.t.Context()
		next, stop := iter.Pull(conn.Events(ctx))
		defer stop()
		until := func(ok func(any) bool) {
			for event, more := next(); more; event, more = next() {
				if ok(event) {
					return
				}
			}
		}
		read := func() uint32 {
			go func() { _ = conn.Read(ctx, room, 9) }()
			f := p.expect(new(clientv1.ClientFrame_Read))
			p.send(&clientv1.ServerFrame{Id: f.GetId(), Frame: &clientv1.ServerFrame_Ok{Ok: &clientv1.Ok{}}})
			return f.GetRead().GetRev()
		}
		until(func(event any) bool { _, is := event.(*clientv1.Welcome); return is })
		if rev := read(); rev != 2 {
			t.Errorf("after the welcome: rev %d", rev)
		}
		for _, m := range []*clientv1.MarkerMoved{{RoomId: room, ReadSeq: 3, Rev: 3}, {RoomId: room, ReadSeq: 8, Thread: 4}} {
			p.send(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_UserEvent{UserEvent: &clientv1.UserEvent{
				Event: &clientv1.UserEvent_Marker{Marker: m},
			}}})
		}
		synctest.Wait()
		if rev := read(); rev != 2 {
			t.Errorf("before the program knows: rev %d", rev)
		}
		until(func(event any) bool {
			e, is := event.(*clientv1.UserEvent)
			return is && e.GetMarker().GetThread() == 4
		})
		if rev := read(); rev != 3 {
			t.Errorf("after it knows: rev %d", rev)
		}
		go func() { _ = conn.Unread(ctx, room, 5) }()
		if f := p.expect(new(clientv1.ClientFrame_Unread)).GetUnread(); f.GetRoomId() != room || f.GetSeq() != 5 {
			t.Errorf("unread %v", f)
		}
		go func() { _ = conn.ReadThread(ctx, room, 4, 8) }()
		if f := p.expect(new(clientv1.ClientFrame_Read)).GetRead(); f.GetThread() != 4 || f.GetSeq() != 8 || f.GetRev() != 0 {
			t.Errorf("read of a thread %v", f)
		}
	})
}
