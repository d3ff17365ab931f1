package room

import (
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// Settings is what a room is, as far as it says what may be written there.
type Settings struct {
	Kind role.Kind
	// Archived: nothing can be written. Announcement: only those who may Announce post outside threads.
	Archived, Announcement bool
	// SlowMode is the time between two messages of one member who may not Announce; 0: any.
	SlowMode time.Duration
}

// Member is what somebody is in a room. MutedUntil is in milliseconds since 1970; 0: they are not muted.
type Member struct {
	Role       role.Role
	MutedUntil int64
}

// Snapshot is what the rooms service says of a room, as of a version of it.
type Snapshot struct {
	Version  uint32
	Settings Settings
	Members  map[ids.User]Member
}

// authorise reports why an event may not be written at a time, whatever it is about; nil: it may.
func (s *State) authorise(e *store.Event, at int64) *fault.Fault {
	m := s.members[e.Actor.User]
	switch {
	case s.deleted:
		return errGone()
	case m.Role == role.None:
		return denied("you are not a member of this room")
	case !m.Role.May(role.Post, s.settings.Kind):
		return denied("you may only read in this room")
	case s.settings.Archived:
		return denied("this room is archived")
	case m.MutedUntil > at:
		return denied("you are muted in this room").WithRetryAfter(time.Duration(m.MutedUntil-at) * time.Millisecond)
	}
	return nil
}

// authorisePost reports why a message may not be written at a time by somebody who may write.
func (s *State) authorisePost(e *store.Event, at int64) *fault.Fault {
	if s.mayAnnounce(e.Actor.User) {
		return nil
	}
	if s.settings.Announcement && e.Thread == 0 {
		return denied("only the owner, admins and moderators post in this room")
	}
	if last, ok := s.posted[e.Actor.User]; ok {
		if wait := s.settings.SlowMode - time.Duration(at-last)*time.Millisecond; wait > 0 {
			return fault.New(fault.ResourceExhausted, "this room is in slow mode; wait until your next message").WithRetryAfter(wait)
		}
	}
	return nil
}

// may reports whether a member's role allows something in this room.
func (s *State) may(user ids.User, a role.Action) bool {
	return s.members[user].Role.May(a, s.settings.Kind)
}

// mayAnnounce: the rules of announcement rooms and slow mode are not for this user.
func (s *State) mayAnnounce(user ids.User) bool {
	return !s.settings.Announcement && s.settings.SlowMode == 0 || s.may(user, role.Announce)
}

func denied(message string) *fault.Fault { return fault.New(fault.PermissionDenied, "%s", message) }

// errGone is what is said of a deleted room.
func errGone() *fault.Fault { return fault.New(fault.NotFound, "there is no such room") }

// SlowMode is the time between two messages of one member.
func (s *State) SlowMode() time.Duration { return s.settings.SlowMode }

// Recall tells a new state of an event up to its head: for slow mode who posted when, and of the end of a deleted room.
func (s *State) Recall(e *store.Event) {
	switch {
	case e.Kind == store.KindMessage:
		s.notePost(e)
	case e.Info != nil && e.Info.IsDeleted:
		s.deleted = true
	}
}

// notePost remembers when somebody posted, while that matters.
func (s *State) notePost(e *store.Event) {
	if s.settings.SlowMode == 0 {
		return
	}
	if s.posted == nil {
		s.posted = map[ids.User]int64{}
	}
	s.posted[e.Actor.User] = max(s.posted[e.Actor.User], e.CreatedAt)
	if len(s.posted) < s.sweepPosted {
		return
	}
	for user, at := range s.posted {
		if time.Duration(e.CreatedAt-at)*time.Millisecond >= s.settings.SlowMode {
			delete(s.posted, user)
		}
	}
	s.sweepPosted = max(minPosted, 2*len(s.posted))
}

// minPosted is how many users posted remembers without looking for those it can forget.
const minPosted = 1000

// update takes what the room is now.
func (s *State) update(info *store.RoomInfo) {
	s.settings.Archived, s.settings.Announcement = info.IsArchived, info.IsAnnouncement
	s.settings.SlowMode = time.Duration(info.SlowModeSeconds) * time.Second
	if s.settings.SlowMode == 0 {
		s.posted = nil
	}
	if info.IsDeleted {
		s.deleted = true
		clear(s.members)
		clear(s.targets)
	}
}
