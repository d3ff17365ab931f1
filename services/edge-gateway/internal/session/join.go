package session

import (
	"context"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/edge-gateway/internal/feed"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

const (
	// maxCursors is how many rooms one hello or resume may list.
	maxCursors = 500
	// joinsAtOnce bounds how many rooms of one connection catch up side by side.
	joinsAtOnce = 8
)

// joins are the rooms of a connection whose delivery is to start, or to start again. At most joinsAtOnce are being joined;
// of two joins of one room the later counts: it comes second, or stop ends the earlier. Guarded by session.mu. The maps are
// there only while something is in them.
type joins struct {
	waiting map[ids.Room]feed.Cursor
	active  map[ids.Room]*joining
	workers int
}

// joining is a join under way.
type joining struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// parseCursors reads the rooms of a hello or resume. Of a room that is listed twice the last cursor counts.
func parseCursors(field string, list []*clientv1.Cursor) (map[ids.Room]feed.Cursor, error) {
	if len(list) > maxCursors {
		return nil, fault.Invalid(field, "at most %d rooms; send the others with resume frames", maxCursors)
	}
	cursors := make(map[ids.Room]feed.Cursor, len(list))
	for _, c := range list {
		room, err := ids.ParseRoom(c.GetRoomId())
		if err != nil {
			return nil, fault.Invalid(field+".roomId", "a room id is %v", err)
		}
		cursors[room] = feed.Cursor{Room: room, Seq: c.GetSeq(), Resumed: true}
	}
	return cursors, nil
}

// resume answers a resume frame: delivery of the listed rooms stops, and after the ok it starts again at their cursors.
func (s *session) resume(id uint32, r *clientv1.Resume) {
	cursors, err := parseCursors("resume.rooms", r.GetRooms())
	if err != nil {
		s.fail(id, err)
		return
	}
	if err := s.admit(len(cursors) / roomsPerToken); err != nil {
		s.fail(id, err)
		s.end(endBusy)
		return
	}
	for room := range cursors {
		s.stop(room)
	}
	s.ok(id)
	s.join(cursors, false)
}

// join starts the delivery of rooms, in the background. Listed rooms that the user is not in are answered with gone.
func (s *session) join(cursors map[ids.Room]feed.Cursor, isNewEpoch bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.released {
		return
	}
	for room, c := range cursors {
		if _, isMember := s.rooms[room]; !isMember {
			if c.Resumed {
				s.gone(room)
			}
			continue
		}
		c.Reset = isNewEpoch && c.Resumed
		if s.joins.waiting == nil {
			s.joins.waiting, s.joins.active = map[ids.Room]feed.Cursor{}, map[ids.Room]*joining{}
		}
		s.joins.waiting[room] = c
	}
	for range min(joinsAtOnce-s.joins.workers, len(s.joins.waiting)) {
		s.joins.workers++
		s.wg.Go(s.runJoins)
	}
}

// runJoins joins rooms, one after the other, until none waits that nobody is at.
func (s *session) runJoins() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		c, ok := s.nextJoin()
		if !ok {
			if s.joins.workers--; s.joins.workers == 0 {
				s.joins.waiting, s.joins.active = nil, nil
			}
			return
		}
		ctx, cancel := context.WithCancel(s.ctx)
		me := &joining{cancel, make(chan struct{})}
		s.joins.active[c.Room] = me
		s.mu.Unlock()
		_ = s.srv.hub.Join(ctx, s, c) // fails when it is cancelled or the connection ends, only
		cancel()
		s.mu.Lock()
		delete(s.joins.active, c.Room)
		close(me.done)
	}
}

// nextJoin takes a join that waits and of whose room no other is under way. s.mu is held.
func (s *session) nextJoin() (feed.Cursor, bool) {
	for room, c := range s.joins.waiting {
		if _, busy := s.joins.active[room]; busy {
			continue // whoever is at it goes on with this one
		}
		delete(s.joins.waiting, room)
		if m, isMember := s.rooms[room]; isMember {
			c.MemberAt = m.head
			return c, true
		}
	}
	return feed.Cursor{}, false
}

// stop ends the delivery of a room: nothing of it follows.
func (s *session) stop(room ids.Room) {
	s.mu.Lock()
	delete(s.joins.waiting, room)
	active := s.joins.active[room]
	s.mu.Unlock()
	if active != nil {
		active.cancel()
		<-active.done
	}
	s.srv.hub.Leave(room, s)
}

// leave takes the session out of a room that the user is no longer in.
func (s *session) leave(room ids.Room) {
	s.mu.Lock()
	_, was := s.rooms[room]
	delete(s.rooms, room)
	s.mu.Unlock()
	s.stop(room)
	if was {
		s.gone(room)
	}
}

// Left is leave, for the feed: it holds its lock, and has taken the session out. The user may be back already, and this
// gateway may have been told of that before the log told it of the end: so the membership is read again.
func (s *session) Left(room ids.Room) {
	s.mu.Lock()
	_, was := s.rooms[room]
	delete(s.rooms, room)
	user := s.identity.Caller.User
	s.mu.Unlock()
	if was {
		s.gone(room)
		s.srv.users.refresh(user, room)
	}
}

// Deleted is Left of a room that nobody comes back to.
func (s *session) Deleted(room ids.Room) {
	s.mu.Lock()
	_, was := s.rooms[room]
	delete(s.rooms, room)
	s.mu.Unlock()
	if was {
		s.gone(room)
	}
}

func (s *session) isMember(room ids.Room) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.rooms[room]
	return ok
}

func (s *session) gone(room ids.Room) {
	s.send(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Gone{Gone: &clientv1.Gone{RoomId: room.String()}}})
}

var _ feed.Member = (*session)(nil)
