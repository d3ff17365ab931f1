package session

import (
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/edge-gateway/internal/presence"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// watchedPerFrame is how many watched users cost as much as a frame: each is a subscription and a part of a question.
const watchedPerFrame = 10

// watch replaces the set of users whose presence the client wants.
func (s *session) watch(id uint32, w *clientv1.Watch) {
	if n := len(w.GetUserIds()); n > presence.MaxWatched {
		s.fail(id, fault.Invalid("watch.userIds", "are %d, more than %d", n, presence.MaxWatched))
		return
	}
	users := make([]ids.User, len(w.GetUserIds()))
	for i, text := range w.GetUserIds() {
		var err error
		if users[i], err = ids.ParseUser(text); err != nil {
			s.fail(id, fault.Invalid("watch.userIds", "a user id is %v", err))
			return
		}
	}
	if wait := s.buckets.user.Take(s.srv.limits.now(), len(users)/watchedPerFrame); wait > 0 {
		s.fail(id, fault.New(fault.ResourceExhausted, "too many users are watched and no longer watched").WithRetryAfter(wait))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock() // released is set before the session watches nobody any more
	if s.released {
		return
	}
	if err := s.srv.people.Watch(s, users); err != nil {
		s.fail(id, fault.New(fault.Unavailable, "presence is not available right now").WithRetryAfter(time.Second).WithCause("watch", err))
		return
	}
	s.ok(id)
}

// setAway notes whether anybody is at this client.
func (s *session) setAway(id uint32, away bool) {
	s.srv.users.setAway(s, away)
	s.ok(id)
}

func (us *users) setAway(s *session, away bool) {
	us.mu.Lock()
	defer us.mu.Unlock()
	if u, ok := us.byID[s.User()]; ok {
		if _, ok := u.sessions[s]; ok {
			u.sessions[s] = away
			us.srv.people.Set(u.id, u.state())
		}
	}
}

// state is how much of the user is here.
func (u *user) state() presence.State {
	state := presence.Offline
	for _, away := range u.sessions {
		if !away {
			return presence.Online
		}
		state = presence.Away
	}
	return state
}
