package room

import (
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// Role is what a member may do. The order is that of their power.
type Role uint8

// The roles; None is no member.
const (
	None Role = iota
	ReadOnly
	Member
	Moderator
	Admin
	Owner
)

// ParseRole returns the role of a name. A name of a newer version may do the least.
func ParseRole(name string) Role {
	switch name {
	case "owner":
		return Owner
	case "admin":
		return Admin
	case "moderator":
		return Moderator
	case "member":
		return Member
	case "":
		return None
	}
	return ReadOnly
}

// maxTargets is how many messages a state remembers the folds of, for the next reaction to the same one.
const maxTargets = 64

// State is what a room's log folds to. It runs ahead of the store while a batch is being made: Commit says that the
// store has it, and a State whose batch was not stored is thrown away.
type State struct {
	head store.Head
	// members are as of version; while the head's is lower, changes of the room are missing in the log.
	members map[ids.User]Role
	version uint32
	// targets are folded messages, exact as of head.
	targets map[uint32]*store.Message
	// batch is the events since the last Commit.
	batch []*store.Event
}

// NewState returns the state of a room as of a head, with its members as of a version not lower than the head's. Nobody
// may do anything until the changes between the two are assigned. It takes ownership of members.
func NewState(head store.Head, members map[ids.User]Role, version uint32) *State {
	return &State{head: head, members: members, version: version, targets: map[uint32]*store.Message{}}
}

// Head is the last event, stored or not.
func (s *State) Head() store.Head { return s.head }

// Role is what a user is in the room.
func (s *State) Role(user ids.User) Role { return s.members[user] }

// Members is how many members the room has.
func (s *State) Members() int { return len(s.members) }

// Stale reports whether an event that the store has proves this state to be old.
func (s *State) Stale(stored uint32) bool { return stored > s.committed() }

// committed is the head that the store has.
func (s *State) committed() uint32 { return s.head.Seq - uint32(len(s.batch)) }

// Needs reports whether the message a command is about must be loaded before Decide.
func (s *State) Needs(c *Command) bool {
	e := c.Event
	into := e.FoldsInto()
	return into > 0 && into <= s.committed() && s.targets[into] == nil
}

// Load takes a message, folded as of the last Commit.
func (s *State) Load(m *store.Message) { s.targets[m.Event.Seq] = m }

// target is the message that an event is about; nil: there is none.
func (s *State) target(seq uint32) *store.Message {
	if m := s.targets[seq]; m != nil {
		return m
	}
	first := s.committed() + 1
	if seq < first || seq > s.head.Seq {
		return nil
	}
	e := s.batch[seq-first]
	if e.Kind != store.KindMessage {
		return nil
	}
	m := &store.Message{Event: e}
	s.targets[seq] = m
	return m
}

// Assign gives a command that Decide allowed its place after the head. Now is in milliseconds; a clock that went back
// does not take the room with it.
func (s *State) Assign(c *Command, now int64) *store.Event {
	e := c.Event
	s.head.Seq++
	s.head.CreatedAt = max(s.head.CreatedAt, now)
	if e.Kind == store.KindMessage && e.Thread == 0 {
		s.head.Ordinal++
	}
	if c.Change {
		s.head.Version = e.Version
	}
	e.Seq, e.Ordinal, e.Version, e.CreatedAt = s.head.Seq, s.head.Ordinal, s.head.Version, s.head.CreatedAt
	s.batch = append(s.batch, e)
	switch e.Kind {
	case store.KindMemberJoined:
		s.members[e.Member.User] = ParseRole(e.Member.Role)
	case store.KindMemberLeft:
		delete(s.members, e.Member.User)
	}
	if into := e.FoldsInto(); into > 0 {
		if m := s.target(into); m != nil {
			if e.Kind == store.KindMessage {
				e.ThreadOrdinal = m.Replies.Count + 1
			}
			m.Apply(e)
		}
	}
	return e
}

// Batch returns the events assigned since the last Commit.
func (s *State) Batch() []*store.Event { return s.batch }

// Commit says that the store has the batch.
func (s *State) Commit() {
	s.batch = nil
	for seq, m := range s.targets {
		if m.DeletedSeq != 0 {
			delete(s.targets, seq) // with its content
		}
	}
	if len(s.targets) > maxTargets {
		clear(s.targets)
	}
}
