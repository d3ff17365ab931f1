package session

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"golang.org/x/sync/errgroup"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/edge-gateway/internal/feed"
	"github.com/natter-chat/natter/services/edge-gateway/internal/upstream"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

const (
	// maxCursors is how many rooms one hello or resume may list.
	maxCursors = 500
	// roomsPerWelcome keeps a welcome of a user in very many rooms from being one enormous frame.
	roomsPerWelcome = 50
	// joinsAtOnce bounds how many rooms of one connection catch up side by side.
	joinsAtOnce = 8
	// expiryWarning is how long before its token expires a client is told.
	expiryWarning = time.Minute
)

// readHello reads the first frame. It must be hello; what follows it in the same message is handled once it is answered,
// so a client sends hello alone.
func (s *session) readHello() (*clientv1.Hello, uint32, error) {
	ctx, cancel := context.WithTimeout(s.ctx, helloTimeout)
	defer cancel()
	watch := context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			s.end(endHello)
		}
	})
	defer watch()
	message, err := s.read(s.ctx)
	if err != nil {
		return nil, 0, errClosed
	}
	for frame, err := range s.encoding.Frames(message) {
		if err != nil {
			return nil, frame.GetId(), err
		}
		if hello := frame.GetHello(); hello != nil {
			return hello, frame.GetId(), nil
		}
		return nil, frame.GetId(), fault.Invalid("hello", "the first frame must be hello")
	}
	return nil, 0, fault.Invalid("hello", "the first message is empty")
}

// open signs the connection in, tells the client its rooms, and starts to deliver them.
func (s *session) open(hello *clientv1.Hello, id uint32) (err error) {
	defer func() { s.srv.metrics.hellos.WithLabelValues(outcome(err)).Inc() }()
	identity, err := s.srv.verifier.Verify(s.ctx, hello.GetToken())
	if err != nil {
		return err
	}
	cursors, err := parseCursors("hello.resume", hello.GetResume())
	if err != nil {
		return err
	}
	epoch, err := s.srv.epoch.get(s.ctx, s.srv.services)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.identity = identity
	s.mu.Unlock()
	// From here on membership changes reach this session: what is read below is brought up to date after it.
	if !s.srv.users.add(s.ctx, s) {
		s.end(endTooMany)
		return errClosed
	}
	rooms, err := s.srv.roomStates(s.ctx, identity.Caller.User, ids.Room{})
	if err != nil {
		return err
	}
	s.mu.Lock()
	for _, r := range rooms {
		s.rooms[r.id] = membership{r.state.GetRole(), r.state.GetHeadSeq()}
	}
	s.mu.Unlock()
	s.watchExpiry(identity.ExpiresAt)
	s.welcome(id, epoch, rooms)
	close(s.ready)

	isNewEpoch := hello.GetEpoch() != "" && hello.GetEpoch() != epoch
	for _, r := range rooms {
		if _, listed := cursors[r.id]; !listed {
			cursors[r.id] = feed.Cursor{Room: r.id, Seq: r.state.GetHeadSeq()}
		}
	}
	s.join(cursors, isNewEpoch)
	return nil
}

func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return string(fault.CodeOf(err))
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

// welcome tells the client who it is and what rooms it has, a page at a time.
func (s *session) welcome(id uint32, epoch string, rooms []roomState) {
	s.mu.Lock()
	who := s.identity
	s.mu.Unlock()
	pages := slices.Collect(slices.Chunk(rooms, roomsPerWelcome))
	if len(pages) == 0 {
		pages = [][]roomState{nil}
	}
	for i, page := range pages {
		w := &clientv1.Welcome{
			ConnectionId: s.id, Epoch: epoch, More: i < len(pages)-1,
			User: &chatv1.User{
				Id: who.Caller.User.String(), Email: who.Caller.Email, Username: who.Caller.Username, Avatar: who.Caller.Avatar,
			},
			PingSeconds:    uint32(s.srv.cfg.PingInterval.Seconds()), //nolint:gosec // a setting of seconds
			TokenExpiresAt: timestamppb.New(who.ExpiresAt),
		}
		for _, r := range page {
			w.Rooms = append(w.Rooms, r.state)
		}
		s.send(&clientv1.ServerFrame{Id: id, Frame: &clientv1.ServerFrame_Welcome{Welcome: w}})
	}
}

// resume answers a resume frame: delivery of the listed rooms starts again at their cursors.
func (s *session) resume(id uint32, r *clientv1.Resume) {
	cursors, err := parseCursors("resume.rooms", r.GetRooms())
	if err != nil {
		s.fail(id, err)
		return
	}
	s.join(cursors, false)
	s.ok(id)
}

// join starts the delivery of rooms, in the background. Rooms that the user is not in are answered with gone.
func (s *session) join(cursors map[ids.Room]feed.Cursor, isNewEpoch bool) {
	s.wg.Go(func() {
		var g errgroup.Group
		g.SetLimit(joinsAtOnce)
		for _, c := range cursors {
			c.Reset = isNewEpoch && c.Resumed
			g.Go(func() error { return s.joinRoom(c) })
		}
		_ = g.Wait() // fails when the connection ends, only
	})
}

// joining is a join of one room under way.
type joining struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// joinRoom joins one feed. Of two joins of a room the later one counts: it starts when the earlier has given up.
func (s *session) joinRoom(c feed.Cursor) error {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	me := &joining{cancel, make(chan struct{})}
	defer close(me.done)
	s.mu.Lock()
	m, isMember := s.rooms[c.Room]
	earlier := s.joins[c.Room]
	s.joins[c.Room] = me
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.joins[c.Room] == me {
			delete(s.joins, c.Room)
		}
	}()
	if earlier != nil {
		earlier.cancel()
		<-earlier.done
	}
	if !isMember {
		s.send(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Gone{Gone: &clientv1.Gone{RoomId: c.Room.String()}}})
		return nil
	}
	c.MemberAt = m.head
	if err := s.srv.hub.Join(ctx, s, c); err != nil {
		return err
	}
	if !s.isMember(c.Room) { // it ended while we joined
		s.srv.hub.Leave(c.Room, s)
	}
	return nil
}

func (s *session) isMember(room ids.Room) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.rooms[room]
	return ok
}

// renew takes a fresh token on an open connection.
func (s *session) renew(id uint32, hello *clientv1.Hello) {
	identity, err := s.srv.verifier.Verify(s.ctx, hello.GetToken())
	if err != nil {
		s.fail(id, err)
		return
	}
	if identity.Caller.User != s.User() {
		s.fail(id, fault.New(fault.PermissionDenied, "a connection belongs to one user"))
		s.end(endSecondSub)
		return
	}
	epoch, err := s.srv.epoch.get(s.ctx, s.srv.services)
	if err != nil {
		s.fail(id, err)
		return
	}
	s.mu.Lock()
	s.identity = identity
	s.mu.Unlock()
	s.watchExpiry(identity.ExpiresAt)
	s.welcome(id, epoch, nil)
	s.srv.users.refresh(identity.Caller.User, ids.Room{})
}

// watchExpiry warns the client a minute before its token expires, and ends the connection when it does.
func (s *session) watchExpiry(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.expiry != nil {
		s.expiry.Stop()
	}
	s.expiry = time.AfterFunc(time.Until(at)-expiryWarning, func() {
		s.send(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_TokenExpiring{
			TokenExpiring: &clientv1.TokenExpiring{ExpiresAt: timestamppb.New(at)},
		}})
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.identity.ExpiresAt.Equal(at) && s.ctx.Err() == nil {
			s.expiry = time.AfterFunc(time.Until(at), func() { s.end(endExpired) })
		}
	})
}

// roomState is one room of a user, as a welcome shows it.
type roomState struct {
	id    ids.Room
	state *clientv1.RoomState
}

// roomStates reads a user's rooms (or one of them) with heads and markers, and opens their feeds: live events of each
// follow from its head. A log that is newer than the membership may know that the user left: that room is read again.
func (s *Server) roomStates(ctx context.Context, user ids.User, only ids.Room) ([]roomState, error) {
	memberships, err := s.services.Memberships(ctx, user, only)
	if err != nil {
		return nil, err
	}
	states, stale, err := s.withHeads(ctx, user, memberships)
	if err != nil {
		return nil, err
	}
	for _, room := range stale {
		again, err := s.services.Memberships(ctx, user, room)
		if err != nil {
			return nil, err
		}
		if len(again) == 0 {
			states = slices.DeleteFunc(states, func(r roomState) bool { return r.id == room })
		}
	}
	return states, nil
}

func (s *Server) withHeads(ctx context.Context, user ids.User, memberships []upstream.Membership) (states []roomState, stale []ids.Room, err error) {
	rooms := make([]ids.Room, len(memberships))
	for i, m := range memberships {
		rooms[i] = m.ID
	}
	if len(rooms) == 0 {
		return nil, nil, nil
	}
	if err := s.hub.Subscribe(ctx, rooms); err != nil {
		return nil, nil, unavailable("subscribe", err)
	}
	heads, err := s.services.HeadsOf(ctx, user, rooms)
	if err != nil {
		return nil, nil, err
	}
	seqs := make(map[ids.Room]uint32, len(rooms))
	for _, m := range memberships {
		h := heads[m.ID]
		seqs[m.ID] = h.GetSeq()
		if h.GetVersion() > m.Version {
			stale = append(stale, m.ID)
		}
		states = append(states, roomState{m.ID, &clientv1.RoomState{
			Room: m.Room, Role: m.Role, HeadSeq: h.GetSeq(), Unread: h.GetUnread(), ReadSeq: h.GetReadSeq(),
		}})
	}
	s.hub.Start(seqs)
	return states, stale, nil
}

// epoch caches the server's epoch. It changes with a restored backup, for which every service is restarted.
type epoch struct {
	mu    sync.Mutex
	value string
}

func (e *epoch) get(ctx context.Context, services *upstream.Services) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.value != "" {
		return e.value, nil
	}
	value, err := services.Epoch(ctx)
	if err == nil {
		e.value = value
	}
	return value, err
}

var _ feed.Member = (*session)(nil)
