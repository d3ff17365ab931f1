package client

import (
	"slices"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

const (
	// maxReactors is how many users of a reaction are named.
	maxReactors = 50
	// maxQuote is how many characters of a message its replies quote.
	maxQuote = 300
)

// Timeline is the newest part of a room, or of one of its threads, as a client shows it: a page of history, and all that
// has happened since. Fetch a page without Before and After, make a Timeline of it, and Apply every *chatv1.Event of the
// room that Events yields; after a Reset, begin again with another page. It then is at every moment what the server would
// answer to a Fetch. The rules are in proto/testdata/folding, as test vectors for clients in any language.
//
// It is a value without input and output, not safe for concurrent use. Messages and notices it has handed out do not
// change: what changes is replaced.
type Timeline struct {
	// RoomID is the room; Thread is the seq of the message whose thread it is, or 0.
	RoomID string
	Thread uint32
	// AsOf is the seq of the last event that is in it.
	AsOf uint32
	// Messages and Notices, the oldest first.
	Messages []*chatv1.Message
	Notices  []*chatv1.Notice
	// More says that there are older messages.
	More bool
}

// NewTimeline begins with a page that Fetch returned.
func NewTimeline(page *clientv1.Page) *Timeline {
	t := &Timeline{
		RoomID: page.GetRoomId(), Thread: page.GetThread(), AsOf: page.GetAsOfSeq(), More: page.GetMore(),
		Messages: slices.Clone(page.GetMessages()), Notices: slices.Clone(page.GetNotices()),
	}
	slices.Reverse(t.Messages)
	slices.Reverse(t.Notices)
	return t
}

// Page is the timeline as a page: the newest first.
func (t *Timeline) Page() *clientv1.Page {
	p := &clientv1.Page{
		RoomId: t.RoomID, Thread: t.Thread, AsOfSeq: t.AsOf, More: t.More, Messages: slices.Clone(t.Messages), Notices: slices.Clone(t.Notices),
	}
	slices.Reverse(p.GetMessages())
	slices.Reverse(p.GetNotices())
	return p
}

// Message returns the message with this seq; nil when it is not in the timeline.
func (t *Timeline) Message(seq uint32) *chatv1.Message {
	if i, ok := t.find(seq); ok {
		return t.Messages[i]
	}
	return nil
}

// Apply folds the next event of the room in. One that is in the timeline already changes nothing. It returns false, and
// does nothing, when the event is of another room or an earlier one is missing.
func (t *Timeline) Apply(e *chatv1.Event) bool {
	switch {
	case e.GetRoomId() != t.RoomID || e.GetSeq() > t.AsOf+1:
		return false
	case e.GetSeq() <= t.AsOf:
		return true
	}
	t.AsOf = e.GetSeq()
	switch body := e.GetBody().(type) {
	case *chatv1.Event_Message:
		t.post(e, body.Message)
	case *chatv1.Event_Edited:
		t.edit(e, body.Edited)
	case *chatv1.Event_Deleted:
		t.delete(e, body.Deleted)
	case *chatv1.Event_Reaction:
		t.mutate(e, body.Reaction.GetSeq(), func(m *chatv1.Message) { react(m, e.GetActor().GetUserId(), body.Reaction) })
	case *chatv1.Event_Pinned:
		t.mutate(e, body.Pinned.GetSeq(), func(m *chatv1.Message) { m.IsPinned = !body.Pinned.GetRemoved() })
	default:
		t.notice(e)
	}
	return true
}

// Rename gives everything of a user their new name and avatar: for *clientv1.Profile.
func (t *Timeline) Rename(user *chatv1.UserRef) {
	for i, m := range t.Messages {
		quoted := m.GetQuote().GetUserId() == user.GetId()
		if m.GetUserId() != user.GetId() && !quoted {
			continue
		}
		m = proto.CloneOf(m)
		if m.GetUserId() == user.GetId() {
			m.Username, m.Avatar = user.GetUsername(), user.GetAvatar()
		}
		if quoted {
			m.Quote.Username = user.GetUsername()
		}
		t.Messages[i] = m
	}
	for i, n := range t.Notices {
		is := func(u *chatv1.UserRef) bool { return u.GetId() == user.GetId() }
		if !is(n.GetActor()) && !slices.ContainsFunc(n.GetUsers(), is) {
			continue
		}
		n = proto.CloneOf(n)
		for _, u := range append(slices.Clone(n.GetUsers()), n.GetActor()) {
			if is(u) {
				u.Username, u.Avatar = user.GetUsername(), user.GetAvatar()
			}
		}
		t.Notices[i] = n
	}
}

// find returns the place of a message, or where it would be.
func (t *Timeline) find(seq uint32) (int, bool) {
	return slices.BinarySearchFunc(t.Messages, seq, func(m *chatv1.Message, seq uint32) int { return int(int64(m.GetSeq()) - int64(seq)) })
}

// change replaces a message, if it is here.
func (t *Timeline) change(seq uint32, how func(*chatv1.Message)) {
	if i, ok := t.find(seq); ok {
		m := proto.CloneOf(t.Messages[i])
		how(m)
		t.Messages[i] = m
	}
}

// mutate is change by an event about a message. Nothing more happens to a deleted one.
func (t *Timeline) mutate(e *chatv1.Event, seq uint32, how func(*chatv1.Message)) {
	t.change(seq, func(m *chatv1.Message) {
		if !m.GetIsDeleted() {
			how(m)
			m.UpdatedAt = e.GetCreatedAt()
		}
	})
}

// post adds a message if it belongs here, and counts it on the message whose thread it is in.
func (t *Timeline) post(e *chatv1.Event, posted *chatv1.MessagePosted) {
	if root := posted.GetThread(); root != 0 {
		t.change(root, func(m *chatv1.Message) {
			m.Replies = &chatv1.Thread{
				Count: posted.GetThreadOrdinal(), LastSeq: e.GetSeq(), LastAt: e.GetCreatedAt(), LastUserId: e.GetActor().GetUserId(),
			}
		})
	}
	if posted.GetThread() != t.Thread {
		return
	}
	m := &chatv1.Message{
		Id: e.GetRoomId() + ":" + strconv.FormatUint(uint64(e.GetSeq()), 10), Seq: e.GetSeq(), Ordinal: e.GetOrdinal(), RoomId: e.GetRoomId(),
		UserId: e.GetActor().GetUserId(), Username: e.GetActor().GetUsername(), Avatar: e.GetActor().GetAvatar(), Nonce: e.GetNonce(),
		Content: posted.GetContent(), Type: posted.GetType(), FileUrl: posted.GetFileUrl(), File: posted.GetFile(), Mentions: posted.GetMentions(),
		CreatedAt: e.GetCreatedAt(), UpdatedAt: e.GetCreatedAt(), IsDeleted: posted.GetDeleted(),
		ReplyTo: posted.GetReplyTo(), Thread: posted.GetThread(), ThreadOrdinal: posted.GetThreadOrdinal(),
	}
	if quoted := t.Message(m.GetReplyTo()); quoted != nil {
		m.Quote = quote(quoted)
	}
	t.Messages = append(t.Messages, m)
}

func (t *Timeline) edit(e *chatv1.Event, edited *chatv1.MessageEdited) {
	t.change(edited.GetSeq(), func(m *chatv1.Message) {
		m.IsEdited, m.EditedAt, m.UpdatedAt = true, e.GetCreatedAt(), e.GetCreatedAt()
		if !m.GetIsDeleted() { // one that is gone is resumed with its edits, which are empty
			m.Content, m.Mentions = edited.GetContent(), edited.GetMentions()
		}
	})
	t.requote(edited.GetSeq(), func(q *chatv1.Quote) { q.Content = firstChars(edited.GetContent(), maxQuote) })
}

// delete takes the content. A message that was resumed has lost it before, but not when it was deleted.
func (t *Timeline) delete(e *chatv1.Event, deleted *chatv1.MessageDeleted) {
	t.change(deleted.GetSeq(), func(m *chatv1.Message) {
		m.IsDeleted, m.IsPinned, m.UpdatedAt = true, false, e.GetCreatedAt()
		m.Content, m.FileUrl, m.File, m.Mentions, m.Reactions = "", "", nil, nil, nil
	})
	t.requote(deleted.GetSeq(), func(q *chatv1.Quote) { q.IsDeleted, q.Content = true, "" })
}

// requote changes what the replies to a message show of it.
func (t *Timeline) requote(seq uint32, how func(*chatv1.Quote)) {
	for i, m := range t.Messages {
		if q := m.GetQuote(); q != nil && q.GetSeq() == seq && !q.GetIsDeleted() {
			m = proto.CloneOf(m)
			how(m.GetQuote())
			t.Messages[i] = m
		}
	}
}

func quote(m *chatv1.Message) *chatv1.Quote {
	return &chatv1.Quote{
		Seq: m.GetSeq(), UserId: m.GetUserId(), Username: m.GetUsername(), Content: firstChars(m.GetContent(), maxQuote),
		Type: m.GetType(), IsDeleted: m.GetIsDeleted(),
	}
}

// firstChars is the beginning of a text, in code points.
func firstChars(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n])
}

// react counts a reaction. The first 50 users are named: once one of them has taken theirs back, who comes next is not known
// before the message is fetched again, so later ones are only counted.
func react(m *chatv1.Message, user string, change *chatv1.ReactionChanged) {
	i := slices.IndexFunc(m.GetReactions(), func(r *chatv1.Reaction) bool { return r.GetEmoji() == change.GetEmoji() })
	if i < 0 {
		if !change.GetRemoved() {
			m.Reactions = append(m.Reactions, &chatv1.Reaction{Emoji: change.GetEmoji(), Count: 1, UserIds: []string{user}})
		}
		return
	}
	r := m.GetReactions()[i]
	if !change.GetRemoved() {
		if len(r.GetUserIds()) == int(r.GetCount()) && len(r.GetUserIds()) < maxReactors {
			r.UserIds = append(r.UserIds, user)
		}
		r.Count++
		return
	}
	r.Count--
	r.UserIds = slices.DeleteFunc(r.GetUserIds(), func(id string) bool { return id == user })
	if r.GetCount() == 0 {
		m.Reactions = slices.Delete(m.GetReactions(), i, i+1)
	}
}
