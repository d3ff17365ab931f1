package store

import (
	"slices"

	"github.com/natter-chat/natter/pkg/ids"
)

// Message is a message with everything that happened to it.
type Message struct {
	// Event posted it; its Content is the first one.
	Event *Event
	Fold
}

// Fold is what later events make of a message: its mutations, and the replies in its thread. The zero value is a message
// that nothing happened to.
type Fold struct {
	// AsOf is the seq of the last event in this fold: Apply ignores what is not newer.
	AsOf uint32 `json:"asOf"`
	// Content and Mentions are those since the last edit.
	Content   string    `json:"content,omitempty"`
	Mentions  []Mention `json:"mentions,omitempty"`
	EditedSeq uint32    `json:"editedSeq,omitempty"`
	EditedAt  int64     `json:"editedAt,omitempty"`
	// Edits are the seqs of all edits: their content goes with the message's.
	Edits      []uint32 `json:"edits,omitempty"`
	DeletedSeq uint32   `json:"deletedSeq,omitempty"`
	// PinnedSeq is the last pin or unpin.
	PinnedSeq uint32 `json:"pinnedSeq,omitempty"`
	PinnedAt  int64  `json:"pinnedAt,omitempty"`
	Pinned    bool   `json:"pinned,omitempty"`
	// UpdatedAt is when the last mutation happened; 0, or when the message was sent: never. Replies do not count.
	UpdatedAt int64 `json:"updatedAt,omitempty"`
	// Reactions in the order in which each emoji was first used.
	Reactions []Reaction `json:"reactions,omitempty"`
	// Replies are those in the thread of this message. They outlive its deletion.
	Replies Thread `json:"replies,omitzero"`
}

// Thread is how many replies a thread has, deleted ones too, and the last of them.
type Thread struct {
	Count    uint32   `json:"count"`
	LastSeq  uint32   `json:"lastSeq"`
	LastAt   int64    `json:"lastAt"`
	LastUser ids.User `json:"lastUser"`
}

// Reaction is one emoji and who chose it, in that order. It is never empty.
type Reaction struct {
	Emoji string    `json:"emoji"`
	Users []Reactor `json:"users"`
}

// Reactor is a user and the event of their reaction.
type Reactor struct {
	User ids.User `json:"user"`
	Seq  uint32   `json:"seq"`
	At   int64    `json:"at"`
}

// Text is the content of the message as it is now.
func (m *Message) Text() string {
	switch {
	case m.DeletedSeq != 0:
		return ""
	case m.EditedSeq != 0:
		return m.Fold.Content
	}
	return m.Event.Content
}

// Calls are the mentions of the message as it is now.
func (m *Message) Calls() []Mention {
	switch {
	case m.DeletedSeq != 0:
		return nil
	case m.EditedSeq != 0:
		return m.Fold.Mentions
	}
	return m.Event.Mentions
}

// Apply folds an event in that FoldsInto this message. Events must come in the order of their seqs; one that was applied
// before does nothing.
func (m *Message) Apply(e *Event) {
	if e.Seq <= m.AsOf {
		return
	}
	m.AsOf = e.Seq
	if m.DeletedSeq != 0 {
		return // nothing happens to a deleted message
	}
	if e.Kind == KindMessage {
		m.Replies = Thread{Count: e.ThreadOrdinal, LastSeq: e.Seq, LastAt: e.CreatedAt, LastUser: e.Actor.User}
		return
	}
	m.UpdatedAt = e.CreatedAt
	switch e.Kind {
	case KindEdited:
		m.Fold.Content, m.Fold.Mentions, m.EditedSeq, m.EditedAt = e.Content, e.Mentions, e.Seq, e.CreatedAt
		m.Edits = append(m.Edits, e.Seq)
	case KindDeleted:
		m.Fold.Content, m.Fold.Mentions, m.Reactions, m.Pinned, m.DeletedSeq = "", nil, nil, false, e.Seq
	case KindReaction:
		m.react(e)
	case KindPinned:
		m.Pinned, m.PinnedSeq, m.PinnedAt = !e.Removed, e.Seq, e.CreatedAt
	}
}

func (m *Message) react(e *Event) {
	at := slices.IndexFunc(m.Reactions, func(r Reaction) bool { return r.Emoji == e.Emoji })
	if at < 0 {
		if !e.Removed {
			m.Reactions = append(m.Reactions, Reaction{Emoji: e.Emoji, Users: []Reactor{{e.Actor.User, e.Seq, e.CreatedAt}}})
		}
		return
	}
	r := &m.Reactions[at]
	r.Users = slices.DeleteFunc(r.Users, func(u Reactor) bool { return u.User == e.Actor.User })
	if !e.Removed {
		r.Users = append(r.Users, Reactor{e.Actor.User, e.Seq, e.CreatedAt})
	}
	if len(r.Users) == 0 {
		m.Reactions = slices.Delete(m.Reactions, at, at+1)
	}
}

// Reacted returns a user's reaction with this emoji, if there is one.
func (m *Message) Reacted(user ids.User, emoji string) (Reactor, bool) {
	for _, r := range m.Reactions {
		if r.Emoji != emoji {
			continue
		}
		for _, u := range r.Users {
			if u.User == user {
				return u, true
			}
		}
	}
	return Reactor{}, false
}
