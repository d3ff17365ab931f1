package client

import (
	"context"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// Read moves the user's read marker of a room up to seq. It never moves back, and it does nothing when the user has marked
// the room unread since, on a device of which Events has not told yet.
func (c *Conn) Read(ctx context.Context, roomID string, seq uint32) error {
	return c.moveMarker(ctx, &clientv1.Read{RoomId: roomID, Seq: seq, Rev: c.markerRev(roomID)})
}

// ReadThread moves the user's read marker of a thread, that of the message root, up to seq.
func (c *Conn) ReadThread(ctx context.Context, roomID string, root, seq uint32) error {
	return c.moveMarker(ctx, &clientv1.Read{RoomId: roomID, Seq: seq, Thread: root})
}

func (c *Conn) moveMarker(ctx context.Context, read *clientv1.Read) error {
	_, err := c.ask(ctx, unordered, &clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Read{Read: read}})
	return err
}

// Unread marks a room unread from the message with this seq on, on all devices of the user.
func (c *Conn) Unread(ctx context.Context, roomID string, seq uint32) error {
	_, err := c.ask(ctx, unordered, &clientv1.ClientFrame{
		Frame: &clientv1.ClientFrame_Unread{Unread: &clientv1.Unread{RoomId: roomID, Seq: seq}},
	})
	return err
}

// Delivered tells the room that the user's device has its events up to seq. Lost while offline.
func (c *Conn) Delivered(roomID string, seq uint32) {
	c.sendSmall(&clientv1.ClientFrame{
		Frame: &clientv1.ClientFrame_Delivered{Delivered: &clientv1.Delivered{RoomId: roomID, Seq: seq}},
	})
}

// markerRev is how often the user marked a room unread, as of what the program was told.
func (c *Conn) markerRev(roomID string) uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.revs[roomID]
}

// told notes what the program learns from an event: a marker with a higher rev.
func (c *Conn) told(event any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e := event.(type) {
	case *clientv1.Welcome:
		for _, room := range e.GetRooms() {
			c.revs[room.GetRoom().GetId()] = room.GetRev()
		}
	case *clientv1.UserEvent:
		if joined := e.GetJoined(); joined != nil {
			c.revs[joined.GetRoom().GetId()] = joined.GetRev()
		}
		if m := e.GetMarker(); m != nil && m.GetThread() == 0 {
			c.revs[m.GetRoomId()] = max(c.revs[m.GetRoomId()], m.GetRev())
		}
	case *clientv1.Gone:
		delete(c.revs, e.GetRoomId())
	}
}
