package session

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/services/edge-gateway/internal/feed"
	"github.com/natter-chat/natter/services/edge-gateway/internal/presence"

	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

const (
	// userEvents bounds the user events that wait; when it is full NATS drops, says so, and all users are read again.
	userEvents = 4096
	// refreshesAtOnce paces the re-reading of memberships after a reconnect to the bus.
	refreshesAtOnce = 16
	// refreshPause is between two tries of a refresh that failed.
	refreshPause = 500 * time.Millisecond
)

// users knows which connections a user has on this gateway, and listens to what concerns the user.
type users struct {
	srv    *Server
	events chan *nats.Msg
	slots  chan struct{} // refreshes under way

	mu   sync.Mutex
	byID map[ids.User]*user
}

// user is a user with at least one connection here.
type user struct {
	id       ids.User
	sub      *nats.Subscription
	sessions map[*session]bool // true: nobody is at this client
	// refresh is what to read again (the zero room: all of them); refreshing: somebody is at it.
	refresh    map[ids.Room]struct{}
	refreshing bool
}

func newUsers(s *Server) users {
	return users{
		srv: s, events: make(chan *nats.Msg, userEvents), slots: make(chan struct{}, refreshesAtOnce), byID: map[ids.User]*user{},
	}
}

// add registers a session under its user; ResourceExhausted when the user has too many. No user event is missed that an
// answer to a request after it does not cover: the request follows the subscription on the same connection, so the server
// has the one before it passes on the other. If the bus is away the reconnect reads everything again.
func (us *users) add(s *session) error {
	id := s.User()
	us.mu.Lock()
	defer us.mu.Unlock()
	u, ok := us.byID[id]
	if !ok {
		u = &user{id: id, sessions: map[*session]bool{}, refresh: map[ids.Room]struct{}{}}
		var err error
		if u.sub, err = us.srv.nc.ChanSubscribe(subject.UserEvent(id), us.events); err != nil {
			us.srv.log.Warn("cannot listen to a user's events", "error", err) // the bus is closing: so are we
		}
		us.byID[id] = u
	}
	if len(u.sessions) >= us.srv.cfg.ConnectionsPerUser {
		return fault.New(fault.ResourceExhausted, "more than %d connections of one user", us.srv.cfg.ConnectionsPerUser)
	}
	u.sessions[s] = false
	us.srv.people.Set(id, presence.Online)
	return nil
}

func (us *users) remove(s *session) {
	us.mu.Lock()
	defer us.mu.Unlock()
	u, ok := us.byID[s.User()]
	if !ok {
		return
	}
	delete(u.sessions, s)
	us.srv.people.Set(u.id, u.state())
	if len(u.sessions) > 0 {
		return
	}
	delete(us.byID, u.id)
	if u.sub != nil {
		_ = u.sub.Unsubscribe() // fails when the bus is closed, which ends it too
	}
}

func (us *users) sessionsOf(id ids.User) []*session {
	us.mu.Lock()
	defer us.mu.Unlock()
	if u, ok := us.byID[id]; ok {
		return slices.Collect(maps.Keys(u.sessions))
	}
	return nil
}

// listen handles user events until the server closes.
func (us *users) listen() {
	for {
		select {
		case <-us.srv.stop:
			return
		case msg := <-us.events:
			us.handle(msg)
		}
	}
}

func (us *users) handle(msg *nats.Msg) {
	id, ok := subject.ParseUser(msg.Subject)
	if !ok {
		return
	}
	var ev busv1.UserEvent
	if err := proto.Unmarshal(msg.Data, &ev); err != nil {
		us.srv.log.Error("unreadable user event", "error", err)
		return
	}
	switch ev := ev.GetEvent().(type) {
	case *busv1.UserEvent_Membership:
		// What the event says may be old by now: it only tells where to look.
		if room, err := ids.ParseRoom(ev.Membership.GetRoomId()); err == nil {
			us.refresh(id, room)
		}
	case *busv1.UserEvent_Profile:
		for _, s := range us.sessionsOf(id) {
			s.profileChanged(ev.Profile)
		}
	case *busv1.UserEvent_Preferences:
		room, err := ids.ParseRoom(ev.Preferences.GetRoomId())
		if err != nil {
			return
		}
		for _, s := range us.sessionsOf(id) {
			if s.isReady() {
				s.preferencesChanged(room, ev.Preferences.GetPreferences())
			} else { // its welcome may say what was before
				us.refresh(id, room)
			}
		}
	case *busv1.UserEvent_Invited:
		us.tell(id, &clientv1.UserEvent{Event: &clientv1.UserEvent_Invited{Invited: ev.Invited}})
	case *busv1.UserEvent_Saved:
		us.tell(id, &clientv1.UserEvent{Event: &clientv1.UserEvent_Saved{Saved: ev.Saved}})
	case *busv1.UserEvent_Marker:
		us.markerMoved(id, ev.Marker)
	}
}

// tell passes an event on to the user's connections. One that has no welcome yet asks for what it shows after it.
func (us *users) tell(id ids.User, ev *clientv1.UserEvent) {
	frame := feed.NewFrame(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_UserEvent{UserEvent: ev}})
	for _, s := range us.sessionsOf(id) {
		if s.isReady() {
			s.Enqueue(frame)
		}
	}
}

// Revoke closes the connections of a user that belong to sessions which have ended. It does not wait.
func (s *Server) Revoke(id ids.User, ended []ids.Session) {
	for _, c := range s.users.sessionsOf(id) {
		if slices.Contains(ended, c.caller().Session) {
			c.end(endRevoked)
		}
	}
}

// APITokens are the API tokens that connections were opened with, and whose they are.
func (s *Server) APITokens() map[ids.Session]ids.User {
	tokens := map[ids.Session]ids.User{}
	for _, c := range s.all() {
		c.mu.Lock()
		identity := c.identity
		c.mu.Unlock()
		if identity.IsAPIToken {
			tokens[identity.Caller.Session] = identity.Caller.User
		}
	}
	return tokens
}

// Resync reads the rooms of all users again, paced: user events may have been lost.
func (s *Server) Resync() {
	s.users.mu.Lock()
	all := slices.Collect(maps.Keys(s.users.byID))
	s.users.mu.Unlock()
	for _, id := range all {
		s.users.refresh(id, ids.Room{})
	}
}

// refresh reads one room of a user (or all: the zero room) again and brings the user's sessions up to date. It does not
// wait; requests that come while one runs are done after it.
func (us *users) refresh(id ids.User, room ids.Room) {
	us.mu.Lock()
	defer us.mu.Unlock()
	u, ok := us.byID[id]
	if !ok {
		return
	}
	u.refresh[room] = struct{}{}
	if u.refreshing {
		return
	}
	select {
	case <-us.srv.stop:
		return
	default:
	}
	u.refreshing = true
	us.srv.wg.Go(func() { us.runRefresh(u) })
}

func (us *users) runRefresh(u *user) {
	for {
		us.mu.Lock()
		rooms := slices.Collect(maps.Keys(u.refresh))
		clear(u.refresh)
		if len(rooms) == 0 || len(u.sessions) == 0 {
			u.refreshing = false
			us.mu.Unlock()
			return
		}
		us.mu.Unlock()
		if slices.Contains(rooms, ids.Room{}) {
			rooms = []ids.Room{{}}
		}
		for _, room := range rooms {
			if !us.refreshRoom(u, room) {
				us.mu.Lock()
				u.refresh[room] = struct{}{}
				us.mu.Unlock()
			}
		}
	}
}

// refreshRoom does one refresh; false: it failed and is to be done again (a pause has passed).
func (us *users) refreshRoom(u *user, room ids.Room) bool {
	select {
	case us.slots <- struct{}{}:
	case <-us.srv.stop:
		return true
	}
	states, err := us.srv.roomStates(context.Background(), u.id, room)
	<-us.slots
	if err != nil {
		us.srv.log.Warn("cannot read a user's rooms; trying again", "error", err)
		select {
		case <-us.srv.stop:
			return true
		case <-time.After(refreshPause):
			return false
		}
	}
	us.mu.Lock()
	sessions := slices.Collect(maps.Keys(u.sessions)) // not those of a later user with this id: they may know better
	us.mu.Unlock()
	for _, s := range sessions {
		s.update(states, room)
	}
	return true
}

func (s *session) isReady() bool {
	select {
	case <-s.ready:
		return true
	default:
		return false
	}
}

// profileChanged tells the client its user's new name, which is that of what they do from now on, whatever their token says.
func (s *session) profileChanged(user *chatv1.User) {
	s.mu.Lock()
	s.identity.Caller.Username, s.identity.Caller.Avatar, s.identity.Caller.Email = user.GetUsername(), user.GetAvatar(), user.GetEmail()
	s.mu.Unlock()
	s.send(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_UserEvent{UserEvent: &clientv1.UserEvent{
		Event: &clientv1.UserEvent_Profile{Profile: user},
	}}})
}

// preferencesChanged tells the client how the user wants a room shown, if it does not know.
func (s *session) preferencesChanged(room ids.Room, p *clientv1.Preferences) {
	s.mu.Lock()
	m, isMember := s.rooms[room]
	isNews := isMember && p.GetRev() > m.preferencesRev
	if isNews {
		m.preferencesRev = p.GetRev()
		s.rooms[room] = m
	}
	s.mu.Unlock()
	if isNews {
		s.send(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_UserEvent{UserEvent: &clientv1.UserEvent{
			Event: &clientv1.UserEvent_Preferences{Preferences: &clientv1.PreferencesChanged{RoomId: room.String(), Preferences: p}},
		}}})
	}
}

// update applies what a refresh found: rooms (all of the user's, or the state of one) that are new are joined, those
// that are no more are left.
func (s *session) update(states []roomState, only ids.Room) {
	select {
	case <-s.ready:
	case <-s.ctx.Done():
		return
	}
	is := map[ids.Room]bool{}
	for _, r := range states {
		is[r.id] = true
		s.mu.Lock()
		_, had := s.rooms[r.id]
		if !had {
			s.rooms[r.id] = membershipOf(r.state)
		}
		s.mu.Unlock()
		if had {
			s.markerMoved(r.id, markerOf(r.state))
			s.preferencesChanged(r.id, r.state.GetPreferences())
			continue
		}
		s.send(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_UserEvent{UserEvent: &clientv1.UserEvent{
			Event: &clientv1.UserEvent_Joined{Joined: r.state},
		}}})
		s.join(map[ids.Room]feed.Cursor{r.id: {Room: r.id, Seq: r.state.GetHeadSeq()}}, false)
	}
	s.mu.Lock()
	var lost []ids.Room
	for room := range s.rooms {
		if !is[room] && (only.IsZero() || only == room) {
			lost = append(lost, room)
		}
	}
	s.mu.Unlock()
	for _, room := range lost {
		s.leave(room)
	}
}
