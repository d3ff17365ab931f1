package store

import (
	"cmp"
	"slices"

	"github.com/natter-chat/natter/pkg/ids"
)

// MaxUnreadMentions is how many unread mentions are counted in a room: the newest ones.
const MaxUnreadMentions = 1000

// Everybody stands for all members of a room among those whom a message calls: a room of any size costs one record.
func Everybody() ids.User { return ids.User{} }

// Called are those of whom a message with these mentions is an unread mention: nobody, some users, or Everybody alone. The
// author never is. @here calls those who are connected, and is nothing to come back to.
func Called(author ids.User, mentions []Mention) (users []ids.User) {
	for _, m := range mentions {
		switch {
		case m.Kind == MentionRoom:
			return []ids.User{Everybody()}
		case m.Kind == MentionUser && m.User != author && !slices.Contains(users, m.User):
			users = append(users, m.User)
		}
	}
	return users
}

// Called are those whom the message calls as it is now.
func (m *Message) Called() []ids.User { return Called(m.Event.Actor.User, m.Calls()) }

// IsCalling reports whether the message calls a user as it is now.
func (m *Message) IsCalling(user ids.User) bool {
	c := Calling{Author: m.Event.Actor.User, Users: m.Called()}
	return c.Calls(user)
}

// Unread asks for the mentions of a reader after a seq.
type Unread struct {
	Reader
	After uint32
}

// Behind is a reader whose marker is at Read, in a room whose head is at Head.
type Behind struct {
	Reader
	Read, Head uint32
}

// MentionAt is the place of a message in a list of mentions over all rooms, which is ordered by time, then by room and
// seq. The zero MentionAt, as the end of a page, is beyond the newest.
type MentionAt struct {
	CreatedAt int64
	Ref
}

// CompareMentions orders a list of mentions, newest first.
func CompareMentions(a, b MentionAt) int {
	return cmp.Or(cmp.Compare(b.CreatedAt, a.CreatedAt), slices.Compare(b.Room[:], a.Room[:]), cmp.Compare(b.Seq, a.Seq))
}

// Calling says whom a message calls since an event.
type Calling struct {
	Ref
	// AsOf is the seq of the event: the message itself, an edit or its deletion.
	AsOf   uint32
	Author ids.User
	// Users are as Called returns them.
	Users []ids.User
}

// Calls reports whether a user is among those who are called.
func (c *Calling) Calls(user ids.User) bool {
	return user != c.Author && (slices.Contains(c.Users, user) || slices.Contains(c.Users, Everybody()))
}

// Calling says whom a message calls since this event; not ok: that is as before.
func (e *Event) Calling() (c Calling, ok bool) {
	c = Calling{Ref: Ref{Room: e.Room, Seq: e.Seq}, AsOf: e.Seq, Author: e.Actor.User, Users: Called(e.Actor.User, e.Mentions)}
	switch e.Kind {
	case KindMessage:
		return c, len(c.Users) > 0
	case KindEdited, KindDeleted:
		c.Seq = e.Target
		return c, true
	}
	return c, false
}
