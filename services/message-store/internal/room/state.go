package room

import (
	"maps"
	"slices"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// maxTargets is how many messages a state remembers the folds of, for the next reaction to the same one.
const maxTargets = 64

// State is what a room's log folds to. It runs ahead of the store while a batch is being made: Commit says that the
// store has it, and a State whose batch was not stored is thrown away.
type State struct {
	head store.Head
	// members and settings are as of version; while the head's is lower, changes of the room are missing in the log.
	members  map[ids.User]Member
	settings Settings
	version  uint32
	// deleted: the head is the end of the log.
	deleted bool
	// posted is when users last posted, in milliseconds: only while the room is in slow mode, and of those who posted since
	// or were recalled. It is swept when it has sweepPosted entries.
	posted      map[ids.User]int64
	sweepPosted int
	// pinsLeft is how many messages may be pinned yet, once pinsCounted.
	pinsLeft    int
	pinsCounted bool
	// targets are folded messages, exact as of head.
	targets map[uint32]*store.Message
	// batch is the events since the last Commit.
	batch []*store.Event
}

// NewState returns the state of a room as of a head, with what the room is as of a version not lower than the head's.
// Nobody may do anything until the changes between the two are assigned. It takes ownership of the members.
func NewState(head store.Head, of Snapshot) *State {
	return &State{
		head: head, members: of.Members, settings: of.Settings, version: of.Version, sweepPosted: minPosted, targets: map[uint32]*store.Message{},
	}
}

// Head is the last event, stored or not.
func (s *State) Head() store.Head { return s.head }

// Role is what a user is in the room.
func (s *State) Role(user ids.User) role.Role { return s.members[user].Role }

// Kind is the kind of the room.
func (s *State) Kind() role.Kind { return s.settings.Kind }

// Members is how many members the room has.
func (s *State) Members() int { return len(s.members) }

// Users are the members of the room, in no order.
func (s *State) Users() []ids.User { return slices.Collect(maps.Keys(s.members)) }

// Deleted reports whether the room is gone.
func (s *State) Deleted() bool { return s.deleted }

// Stale reports whether an event that the store has proves this state to be old.
func (s *State) Stale(stored uint32) bool { return stored > s.committed() }

// committed is the head that the store has.
func (s *State) committed() uint32 { return s.head.Seq - uint32(len(s.batch)) }

// Needs reports whether the message that a command folds into must be loaded before Decide.
func (s *State) Needs(c *Command) bool {
	into := c.Event.FoldsInto()
	return into > 0 && into <= s.committed() && s.targets[into] == nil
}

// Load takes a message, folded as of the last Commit.
func (s *State) Load(m *store.Message) { s.targets[m.Event.Seq] = m }

// NeedsPins reports whether the pinned messages must be counted before Decide.
func (s *State) NeedsPins(c *Command) bool {
	return c.Event.Kind == store.KindPinned && !c.Event.Removed && !s.pinsCounted
}

// LoadPins takes how many messages are pinned as of the last Commit, and how many may be.
func (s *State) LoadPins(pinned, most int) { s.pinsLeft, s.pinsCounted = most-pinned, true }

// target is the message with a seq; nil: there is none.
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

// at is when an event would be created that comes now. A clock that went back does not take the room with it.
func (s *State) at(now int64) int64 { return max(s.head.CreatedAt, now) }

// Assign gives a command that Decide allowed its place after the head. Now is in milliseconds.
func (s *State) Assign(c *Command, now int64) *store.Event {
	e := c.Event
	s.head.CreatedAt = s.at(now)
	s.head.Seq++
	if e.Kind == store.KindMessage && e.Thread == 0 {
		s.head.Ordinal++
	}
	if c.Change {
		s.head.Version = e.Version
	}
	e.Seq, e.Ordinal, e.Version, e.CreatedAt = s.head.Seq, s.head.Ordinal, s.head.Version, s.head.CreatedAt
	if len(c.Places) > 0 {
		e.Mentions = s.mentions(c)
	}
	s.batch = append(s.batch, e)
	switch e.Kind {
	case store.KindMessage:
		s.notePost(e)
	case store.KindMemberJoined:
		s.members[e.Member.User] = Member{role.Role(e.Member.Role), e.Member.MutedUntil}
	case store.KindMemberLeft:
		delete(s.members, e.Member.User)
	case store.KindRoomUpdated:
		s.update(e.Info)
	}
	s.fold(e)
	return e
}

// fold folds an event into the earlier message that it changes, if there is one. A reply gets its place in the thread.
func (s *State) fold(e *store.Event) {
	into := e.FoldsInto()
	if into == 0 {
		return
	}
	m := s.target(into)
	if m == nil {
		return
	}
	if e.Kind == store.KindMessage {
		e.ThreadOrdinal = m.Replies.Count + 1
	}
	was := m.Pinned
	m.Apply(e)
	switch {
	case m.Pinned && !was:
		s.pinsLeft--
	case was && !m.Pinned:
		s.pinsLeft++
	}
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
