package session

import (
	"sync"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"

	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	messagestorev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
)

const (
	// deliverEvery is how long the receipts of one connection gather: in a busy room every client has one for each message.
	deliverEvery = 2 * time.Second
	// maxReceiptRoom is the largest room in which message-store tells who has read, and received, how far.
	maxReceiptRoom = 100
	// maxWishes bounds the moves that gather while one is under way.
	maxWishes = 500
)

// markers gathers the moves of markers: while some are under way, later ones collect.
type markers struct {
	mu        sync.Mutex
	moving    bool
	next      wishes
	ids       []uint32            // requests to answer
	delivered map[ids.Room]uint32 // what waits for deliverEvery; nil: nothing does
}

// wishes are moves in their order.
type wishes struct {
	list []*messagestorev1.Marker
	// reads are those that a later one may take the place of: only the furthest goes.
	reads map[place]*messagestorev1.Marker
}

// place is a room, or a thread of it.
type place struct {
	room   ids.Room
	thread uint32
}

// add adds a move, unless there are too many. A read after something was marked unread is another than the one before it.
func (w *wishes) add(room ids.Room, m *messagestorev1.Marker) bool {
	at := place{room, m.GetThread()}
	isRead := !m.GetUnread() && !m.GetDelivered()
	if last := w.reads[at]; isRead && last != nil {
		if isFurther(m.GetRev(), m.GetSeq(), last.GetRev(), last.GetSeq()) {
			last.Rev, last.Seq = m.GetRev(), m.GetSeq()
		}
		return true
	}
	if len(w.list) >= maxWishes {
		return false
	}
	w.list = append(w.list, m)
	switch {
	case isRead && w.reads == nil:
		w.reads = map[place]*messagestorev1.Marker{at: m}
	case isRead:
		w.reads[at] = m
	case m.GetUnread():
		delete(w.reads, at)
	}
	return true
}

// isFurther reports whether a marker is news to whoever knows the other: its rev counts, then its seq.
func isFurther(rev, seq, thanRev, thanSeq uint32) bool {
	return rev > thanRev || rev == thanRev && seq > thanSeq
}

// read takes a read frame. It is answered when the marker is stored.
func (s *session) read(id uint32, r *clientv1.Read) {
	if room, ok := s.roomOf(id, "read", r.GetRoomId()); ok {
		s.wish(id, room, &messagestorev1.Marker{RoomId: room.String(), Seq: r.GetSeq(), Rev: r.GetRev(), Thread: r.GetThread()})
	}
}

// markUnread takes an unread frame. It is answered when the marker is stored.
func (s *session) markUnread(id uint32, u *clientv1.Unread) {
	room, ok := s.roomOf(id, "unread", u.GetRoomId())
	switch {
	case !ok:
	case u.GetSeq() == 0:
		s.fail(id, fault.Invalid("unread.seq", "is missing: which message is the first that is unread?"))
	default:
		s.wish(id, room, &messagestorev1.Marker{RoomId: room.String(), Seq: u.GetSeq(), Unread: true})
	}
}

// delivered takes a delivered frame. It is answered at once; what was read meanwhile, or is of a room in which nobody is
// told, goes no further.
func (s *session) delivered(id uint32, d *clientv1.Delivered) {
	room, ok := s.roomOf(id, "delivered", d.GetRoomId())
	if !ok {
		return
	}
	s.ok(id)
	s.mu.Lock()
	is := s.rooms[room]
	s.mu.Unlock()
	if is.isLarge || d.GetSeq() <= is.read {
		return
	}
	m := &s.markers
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.delivered == nil {
		m.delivered = map[ids.Room]uint32{}
		time.AfterFunc(deliverEvery, s.passDelivered)
	}
	m.delivered[room] = max(m.delivered[room], d.GetSeq())
}

// passDelivered sends the receipts that have gathered.
func (s *session) passDelivered() {
	s.mu.Lock()
	if s.released {
		s.mu.Unlock()
		return
	}
	s.wg.Add(1)
	s.mu.Unlock()
	defer s.wg.Done()

	m := &s.markers
	m.mu.Lock()
	gathered := m.delivered
	m.delivered = nil
	m.mu.Unlock()
	for room, seq := range gathered {
		s.mu.Lock()
		is, isMember := s.rooms[room]
		s.mu.Unlock()
		if isMember && seq > is.read {
			s.wish(0, room, &messagestorev1.Marker{RoomId: room.String(), Seq: seq, Delivered: true})
		}
	}
}

// roomOf is the room that a request is about; false: the request is answered, since there is none or the user is not in it.
func (s *session) roomOf(id uint32, frame, text string) (ids.Room, bool) {
	room, err := ids.ParseRoom(text)
	switch {
	case err != nil:
		s.fail(id, fault.Invalid(frame+".roomId", "a room id is %v", err))
	case !s.isMember(room):
		s.fail(id, fault.New(fault.PermissionDenied, "you are not a member of this room"))
	default:
		return room, true
	}
	return room, false
}

// wish moves a marker, together with what else gathers until those that are under way are stored.
func (s *session) wish(id uint32, room ids.Room, move *messagestorev1.Marker) {
	m := &s.markers
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.ids) >= s.srv.cfg.InFlight || !m.next.add(room, move) {
		if !move.GetDelivered() { // that may get lost
			s.fail(id, fault.New(fault.ResourceExhausted, "too many read markers at once").WithRetryAfter(time.Second))
		}
		return
	}
	if id != 0 {
		m.ids = append(m.ids, id)
	}
	if !m.moving {
		m.moving = true
		s.wg.Go(s.moveMarkers)
	}
}

func (s *session) moveMarkers() {
	m := &s.markers
	for {
		m.mu.Lock()
		next, requests := m.next.list, m.ids
		m.next, m.ids = wishes{}, nil
		m.moving = len(next) > 0
		m.mu.Unlock()
		if len(next) == 0 {
			return
		}
		err := s.srv.services.MoveMarkers(s.ctx, s.User(), next)
		for _, id := range requests {
			if err != nil {
				s.fail(id, err)
			} else {
				s.ok(id)
			}
		}
	}
}

// markerMoved takes the news that a marker of a user has moved, maybe on another device or gateway.
func (us *users) markerMoved(id ids.User, m *busv1.MarkerMoved) {
	room, err := ids.ParseRoom(m.GetRoomId())
	if err != nil {
		return
	}
	at := &clientv1.MarkerMoved{
		RoomId: m.GetRoomId(), Thread: m.GetThread(), ReadSeq: m.GetReadSeq(), Rev: m.GetRev(),
		Unread: m.GetUnread(), Mentions: m.GetMentions(), HeadSeq: m.GetHeadSeq(),
	}
	for _, s := range us.sessionsOf(id) {
		if s.isReady() {
			s.markerMoved(room, at)
		} else { // its welcome may say an older one
			us.refresh(id, room)
		}
	}
}

// markerMoved tells the client that the user's read marker has moved, if it does not know. Of threads nobody remembers what
// it knows.
func (s *session) markerMoved(room ids.Room, at *clientv1.MarkerMoved) {
	s.mu.Lock()
	m, isMember := s.rooms[room]
	isNews := isMember && (at.GetThread() != 0 || isFurther(at.GetRev(), at.GetReadSeq(), m.rev, m.read))
	if isNews && at.GetThread() == 0 {
		m.read, m.rev = at.GetReadSeq(), at.GetRev()
		s.rooms[room] = m
	}
	s.mu.Unlock()
	if isNews {
		s.send(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_UserEvent{UserEvent: &clientv1.UserEvent{
			Event: &clientv1.UserEvent_Marker{Marker: at},
		}}})
	}
}

// markerOf is the marker that a room's state shows.
func markerOf(r *clientv1.RoomState) *clientv1.MarkerMoved {
	return &clientv1.MarkerMoved{
		RoomId: r.GetRoom().GetId(), ReadSeq: r.GetReadSeq(), Rev: r.GetRev(), Unread: r.GetUnread(), Mentions: r.GetMentions(), HeadSeq: r.GetHeadSeq(),
	}
}
