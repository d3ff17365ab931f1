package store

import (
	"slices"

	"github.com/natter-chat/natter/pkg/ids"
)

// Followers are those who follow a thread because of an event that folds into m; m is as it is after it. A thread has a
// marker for each of its followers: who began it, who answers in it, and whom a message of it mentions by name.
func Followers(m *Message, e *Event) (thread Ref, users []ids.User) {
	thread = Ref{Room: m.Event.Room, Seq: m.Event.Seq}
	switch {
	case e.Kind == KindMessage: // an answer
		users = append([]ids.User{m.Event.Actor.User, e.Actor.User}, named(m.Calls())...)
	case e.Kind != KindEdited:
		return thread, nil
	case m.Event.Thread != 0: // an answer says something else
		thread.Seq = m.Event.Thread
	case m.Replies.Count == 0:
		return thread, nil
	}
	users = append(users, named(e.Mentions)...)
	slices.SortFunc(users, func(a, b ids.User) int { return slices.Compare(a[:], b[:]) })
	return thread, slices.Compact(users)
}

// named are the users that mentions name one by one.
func named(mentions []Mention) (users []ids.User) {
	for _, m := range mentions {
		if m.Kind == MentionUser {
			users = append(users, m.User)
		}
	}
	return users
}

// ThreadAt is the place of a thread in the list of those that a user follows, which is ordered by the last reply. The zero
// ThreadAt, as the end of a page, is beyond the newest.
type ThreadAt struct {
	LastAt int64
	Ref
}

// Before reports whether a place is further down in the list than the other.
func (t ThreadAt) Before(other ThreadAt) bool { return t.compare(other) < 0 || other.IsZero() }

// IsZero reports whether this is no place.
func (t ThreadAt) IsZero() bool { return t == ThreadAt{} }

// compare orders places as lists do: the newest last.
func (t ThreadAt) compare(other ThreadAt) int {
	if t.LastAt != other.LastAt {
		return int(t.LastAt - other.LastAt)
	}
	if c := slices.Compare(t.Room[:], other.Room[:]); c != 0 {
		return c
	}
	return int(t.Seq) - int(other.Seq)
}

// SortThreads puts places in the order of the list, the newest first.
func SortThreads(list []ThreadAt) {
	slices.SortFunc(list, func(a, b ThreadAt) int { return b.compare(a) })
}
