package room

import (
	"strings"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

const (
	// maxEmojis is how many different emoji a message may have.
	maxEmojis = 50
	// maxReactors is how many reactions a message may have in all: its fold is read and written as a whole.
	maxReactors = 5000
	// maxEdits is how often a message may be edited: the fold lists them, so that their contents can be found and wiped.
	maxEdits = 5000
)

// Verdict is what becomes of a command.
type Verdict uint8

// The verdicts.
const (
	// Append: it is allowed; Assign it.
	Append Verdict = iota
	// Unchanged: things already are as it asks, by the event that Decide returns.
	Unchanged
	// Refused: the fault says why.
	Refused
	// Behind: a change of the room is missing before this one. The state must be loaded again.
	Behind
)

// Made names the event that made things so.
type Made struct {
	Seq       uint32
	CreatedAt int64
}

// Decide says what becomes of a command whose nonce is new. Now is in milliseconds, as for Assign.
func (s *State) Decide(c *Command, now int64) (Verdict, Made, *fault.Fault) {
	if c.Change {
		return s.change(c.Event)
	}
	if s.head.Version < s.version {
		return Behind, Made{}, nil
	}
	e, at := c.Event, s.at(now)
	if f := s.authorise(e, at); f != nil {
		return refuse(f)
	}
	if e.Kind == store.KindMessage {
		return s.post(c, at)
	}
	m := s.target(e.Target)
	if m == nil {
		return notFound("seq", "there is no such message")
	}
	if m.DeletedSeq != 0 && e.Kind != store.KindDeleted {
		return notFound("seq", "the message was deleted")
	}
	switch e.Kind {
	case store.KindEdited:
		return s.edit(e, m)
	case store.KindDeleted:
		return s.delete(e, m)
	case store.KindReaction:
		return s.react(e, m)
	default:
		return s.pin(e, m)
	}
}

func refuse(f *fault.Fault) (Verdict, Made, *fault.Fault) { return Refused, Made{}, f }

// notFound: there is nothing at the seq in a field of the command.
func notFound(field, message string) (Verdict, Made, *fault.Fault) {
	return refuse(&fault.Fault{Code: fault.NotFound, Message: message, Field: field})
}

// change accepts exactly the next version, so that those who relay changes may race and repeat themselves.
func (s *State) change(e *store.Event) (Verdict, Made, *fault.Fault) {
	switch {
	case e.Version == s.head.Version+1 && s.deleted:
		return refuse(errGone())
	case e.Version == s.head.Version+1:
		return Append, Made{}, nil
	case e.Version <= s.head.Version:
		// Its nonce was not found, so the log got this version from someone else: it is in there, somewhere up to the head.
		return Unchanged, Made{s.head.Seq, s.head.CreatedAt}, nil
	}
	return Behind, Made{}, nil
}

func (s *State) post(c *Command, at int64) (Verdict, Made, *fault.Fault) {
	e := c.Event
	if e.ReplyTo > s.head.Seq {
		return refuse(fault.Invalid("replyTo", "there is no such message"))
	}
	if e.Thread > 0 {
		switch root := s.target(e.Thread); {
		case root == nil:
			return notFound("thread", "there is no such message")
		case root.DeletedSeq != 0:
			return notFound("thread", "the message was deleted")
		case root.Event.Thread != 0:
			return refuse(fault.Invalid("thread", "is itself a reply in a thread"))
		}
	}
	if f := s.authorisePost(e, at); f != nil {
		return refuse(f)
	}
	if f := c.takeFile(); f != nil {
		return refuse(f)
	}
	return Append, Made{}, nil
}

func (s *State) edit(e *store.Event, m *store.Message) (Verdict, Made, *fault.Fault) {
	switch {
	case m.Event.Actor.User != e.Actor.User:
		return refuse(denied("you may edit your own messages only"))
	case m.Event.Type == "text" && strings.TrimSpace(e.Content) == "":
		return refuse(fault.Invalid("content", "is empty"))
	case m.Text() != e.Content && len(m.Edits) >= maxEdits:
		return refuse(&fault.Fault{Code: fault.ResourceExhausted, Message: "the message was edited too often", Field: "seq"})
	case m.Text() != e.Content:
		return Append, Made{}, nil
	case m.EditedSeq != 0:
		return Unchanged, Made{m.EditedSeq, m.EditedAt}, nil
	}
	return Unchanged, posted(m), nil
}

func (s *State) delete(e *store.Event, m *store.Message) (Verdict, Made, *fault.Fault) {
	switch {
	case m.Event.Actor.User != e.Actor.User && !s.may(e.Actor.User, role.DeleteOthers):
		return refuse(denied("you may delete your own messages only"))
	case m.DeletedSeq != 0:
		return Unchanged, Made{m.DeletedSeq, m.UpdatedAt}, nil // a deletion is the last thing that happens to a message
	}
	return Append, Made{}, nil
}

func (s *State) react(e *store.Event, m *store.Message) (Verdict, Made, *fault.Fault) {
	had, has := m.Reacted(e.Actor.User, e.Emoji)
	switch {
	case !s.may(e.Actor.User, role.React):
		return refuse(denied("you may not react in this room"))
	case has && !e.Removed:
		return Unchanged, Made{had.Seq, had.At}, nil
	case !has && e.Removed:
		return Unchanged, posted(m), nil
	case e.Removed:
		return Append, Made{}, nil
	}
	known, all := false, 0
	for _, r := range m.Reactions {
		known = known || r.Emoji == e.Emoji
		all += len(r.Users)
	}
	if !known && len(m.Reactions) >= maxEmojis || all >= maxReactors {
		return refuse(&fault.Fault{Code: fault.ResourceExhausted, Message: "the message has too many reactions", Field: "emoji"})
	}
	return Append, Made{}, nil
}

func (s *State) pin(e *store.Event, m *store.Message) (Verdict, Made, *fault.Fault) {
	switch {
	case !s.may(e.Actor.User, role.Pin):
		return refuse(denied("you may not pin messages in this room"))
	case m.Pinned != e.Removed && m.PinnedSeq != 0:
		return Unchanged, Made{m.PinnedSeq, m.PinnedAt}, nil
	case m.Pinned != e.Removed:
		return Unchanged, posted(m), nil
	case !e.Removed && s.pinsLeft <= 0:
		return refuse(&fault.Fault{Code: fault.ResourceExhausted, Message: "the room has as many pinned messages as it may; unpin one first", Field: "seq"})
	}
	return Append, Made{}, nil
}

// posted is the event of the message itself: it never was otherwise.
func posted(m *store.Message) Made { return Made{m.Event.Seq, m.Event.CreatedAt} }
