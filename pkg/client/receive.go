package client

import (
	"fmt"
	"slices"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// receive does what a frame of the server says. renew asks for a fresh token; an error ends the session.
func (c *Conn) receive(s *session, f *clientv1.ServerFrame) (renew bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.heard, s.pinged = time.Now(), false
	switch frame := f.GetFrame().(type) {
	case *clientv1.ServerFrame_Welcome:
		return false, c.welcome(s, frame.Welcome)
	case *clientv1.ServerFrame_Event:
		return false, c.event(s, frame.Event)
	case *clientv1.ServerFrame_CaughtUp:
		return false, c.caughtUp(s, frame.CaughtUp)
	case *clientv1.ServerFrame_Reset_:
		c.reset(frame.Reset_)
	case *clientv1.ServerFrame_Gone:
		c.gone(s, frame.Gone)
	case *clientv1.ServerFrame_UserEvent:
		return false, c.userEvent(s, frame.UserEvent)
	case *clientv1.ServerFrame_Signal:
		c.events.offer(frame.Signal)
	case *clientv1.ServerFrame_Receipt:
		c.events.offer(frame.Receipt)
	case *clientv1.ServerFrame_Profile:
		c.events.offer(frame.Profile)
	case *clientv1.ServerFrame_Presence:
		c.events.offer(frame.Presence)
	case *clientv1.ServerFrame_TokenExpiring:
		return true, nil
	case *clientv1.ServerFrame_GoAway:
		s.slot = time.Now().Add(time.Duration(frame.GoAway.GetReconnectAfterMs()) * time.Millisecond)
		c.wakeWriter()
	default:
		return false, c.answered(s, f)
	}
	return false, nil
}

// errorOf turns an error frame into an Error.
func errorOf(e *clientv1.Error) *Error {
	return &Error{
		Code: fault.Code(e.GetCode()), Message: e.GetMessage(), Field: e.GetField(),
		RetryAfter: time.Duration(e.GetRetryAfterMs()) * time.Millisecond,
	}
}

// answered passes on ack, ok, pong, page and error.
func (c *Conn) answered(s *session, f *clientv1.ServerFrame) error {
	e := f.GetError()
	switch {
	case s.resumes[f.GetId()]:
		delete(s.resumes, f.GetId())
		if e != nil {
			// The next hello carries the cursors again, not before the server has time for it. Whatever the code is, it does
			// not end the Conn.
			if wait := errorOf(e).RetryAfter; wait > 0 && s.slot.IsZero() {
				s.slot = time.Now().Add(wait + jitter(0))
			}
			return fmt.Errorf("resume: %s: %s", e.GetCode(), e.GetMessage())
		}
	case f.GetId() != 0:
		c.outbox.answer(f, time.Now())
		c.wakeWriter()
	case e != nil && !s.welcomed:
		s.refusal = errorOf(e) // a close code follows
	case e != nil:
		c.client.log.Warn("the server refused a frame", "code", e.GetCode(), "error", e.GetMessage(), "field", e.GetField())
	}
	return nil
}

// welcome takes a page of the user's rooms; after the last one the session is online.
func (c *Conn) welcome(s *session, w *clientv1.Welcome) error {
	if s.welcomed {
		return nil // the answer to a fresh token: its rooms are no news
	}
	if w.GetUser() != nil {
		c.user = w.GetUser()
	}
	if w.GetEpoch() != c.epoch {
		if c.epoch != "" {
			s.newEpoch = true // the server resets what hello resumed; the rest is up to us
		}
		c.epoch = w.GetEpoch()
	}
	if p := w.GetPingSeconds(); p > 0 {
		s.ping = time.Duration(p) * time.Second
	}
	for _, room := range w.GetRooms() {
		delete(s.known, room.GetRoom().GetId())
		s.heads[room.GetRoom().GetId()] = room.GetHeadSeq()
		if err := c.listed(s, room); err != nil {
			return err
		}
	}
	c.events.offer(w)
	if w.GetMore() {
		return nil
	}
	s.welcomed = true
	for room := range s.known {
		c.gone(s, &clientv1.Gone{RoomId: room})
	}
	for _, chunk := range s.later {
		if err := c.resumeLater(s, chunk); err != nil {
			return err
		}
	}
	s.later, s.heads = nil, nil
	if err := c.present(s); err != nil {
		return err
	}
	c.enterLocked(StateChange{State: Online})
	select {
	case <-c.online:
	default:
		close(c.online)
	}
	c.wakeWriter()
	return nil
}

// resumeLater resumes rooms that did not fit into hello. Only hello carries the epoch: in another one their cursors mean
// nothing, and they start at the head that the welcome said.
func (c *Conn) resumeLater(s *session, chunk []*clientv1.Cursor) error {
	chunk = slices.DeleteFunc(chunk, func(cur *clientv1.Cursor) bool {
		_, still := c.cursors[cur.GetRoomId()]
		if still && s.newEpoch {
			c.reset(&clientv1.Reset{RoomId: cur.GetRoomId(), HeadSeq: s.heads[cur.GetRoomId()]})
		}
		return !still || s.newEpoch
	})
	return c.sendResume(s, chunk)
}

// listed takes the head of a room, and asks for what is missing.
func (c *Conn) listed(s *session, room *clientv1.RoomState) error {
	if c.cursors.listed(room.GetRoom().GetId(), room.GetHeadSeq()) {
		return c.resumeRoom(s, room.GetRoom().GetId())
	}
	return nil
}

func (c *Conn) resumeRoom(s *session, room string) error {
	for _, chunk := range c.cursors.start([]string{room}) {
		return c.sendResume(s, chunk)
	}
	return nil
}

func (c *Conn) sendResume(s *session, rooms []*clientv1.Cursor) error {
	if len(rooms) == 0 {
		return nil
	}
	id := c.outbox.id()
	s.resumes[id] = true
	return c.enqueue(s, &clientv1.ClientFrame{
		Id: id, Frame: &clientv1.ClientFrame_Resume{Resume: &clientv1.Resume{Rooms: rooms}},
	})
}

// event queues the next event of its room.
func (c *Conn) event(s *session, e *chatv1.Event) error {
	room := e.GetRoomId()
	cur, ok := c.cursors[room]
	if !ok {
		// Joined a moment ago: its first event may overtake the news of it.
		cur = &cursor{seq: e.GetSeq() - 1}
		c.cursors[room] = cur
	}
	switch cur.see(e.GetSeq()) {
	case deliver:
		if !c.events.offer(e) {
			cur.behind = true
			return nil
		}
		cur.seq = e.GetSeq()
	case resume:
		c.client.log.Info("events are missing", "after", cur.seq, "before", e.GetSeq())
		return c.resumeRoom(s, room)
	}
	return nil
}

func (c *Conn) caughtUp(s *session, up *clientv1.CaughtUp) error {
	cur, ok := c.cursors[up.GetRoomId()]
	if !ok {
		return nil
	}
	cur.catchingUp = false
	switch {
	case cur.behind:
		return c.resumeBehind(s)
	case cur.seq >= up.GetSeq():
		cur.behind = !c.events.offer(up)
		return nil
	case cur.seq == cur.from:
		return fmt.Errorf("the server left out events after %d up to %d", cur.seq, up.GetSeq())
	}
	return c.resumeRoom(s, up.GetRoomId())
}

func (c *Conn) reset(r *clientv1.Reset) {
	cur, ok := c.cursors[r.GetRoomId()]
	if !ok {
		return
	}
	cur.catchingUp = false
	if !c.events.offer(r) {
		cur.behind = true // resuming from the old cursor brings another reset
		return
	}
	*cur = cursor{seq: r.GetHeadSeq()}
}

func (c *Conn) gone(s *session, g *clientv1.Gone) {
	if _, ok := c.cursors[g.GetRoomId()]; !ok {
		return
	}
	delete(c.cursors, g.GetRoomId())
	delete(s.known, g.GetRoomId())
	c.events.push(g)
}

func (c *Conn) userEvent(s *session, e *clientv1.UserEvent) error {
	joined := e.GetJoined()
	if joined == nil {
		c.events.offer(e)
		return nil
	}
	c.events.push(e)
	return c.listed(s, joined)
}

// queueEmptied is called by the program's loop.
func (c *Conn) queueEmptied() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == nil || !c.session.welcomed {
		return // the next hello resumes every room
	}
	if err := c.resumeBehind(c.session); err != nil {
		c.client.log.Error("cannot resume", "error", err)
	}
}

// resumeBehind asks again for what was dropped, once the program has taken everything else.
func (c *Conn) resumeBehind(s *session) error {
	if !c.events.empty() {
		return nil
	}
	for _, chunk := range c.cursors.startBehind() {
		if err := c.sendResume(s, chunk); err != nil {
			return err
		}
	}
	return nil
}
