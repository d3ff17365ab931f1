package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/dustin/go-humanize"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/client"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// view renders a room, line by line, as somebody sees it.
type view struct {
	me        string              // the user's id: mentions of them stand out
	timeline  *client.Timeline    // what the lines are about; nil: nothing is known of it
	highlight func(string) string // makes a mention stand out; nil: it does not
}

const (
	// quoteLength is how many characters of a message are shown beside what answers it.
	quoteLength = 40
	// callMark begins a line that calls the user.
	callMark = "@ "
)

// renderEvent is an event of which nothing else is known.
func renderEvent(e *chatv1.Event) string { return view{}.event(e) }

// message is a message as it is now: #7 15:04 ana → ben “hi”: hello (edited) [👍 2] [3 replies]
func (v view) message(m *chatv1.Message) string {
	content := v.content(m.GetContent(), m.GetMentions())
	switch {
	case m.GetIsDeleted():
		content = "(deleted)"
	case m.GetIsEdited():
		content += " (edited)"
	}
	switch f := m.GetFile(); {
	case f != nil:
		content += fmt.Sprintf(" [%s %s, %s]", clean(m.GetType()), clean(f.GetName()), humanize.Bytes(uint64(f.GetSize())))
	case m.GetFileUrl() != "":
		content += fmt.Sprintf(" [%s %s]", clean(m.GetType()), clean(m.GetFileUrl()))
	}
	if m.GetIsPinned() {
		content += " [pinned]"
	}
	content += reactions(m)
	if n := m.GetReplies().GetCount(); n > 0 {
		content += fmt.Sprintf(" [%s]", count(int(n), "reply", "replies"))
	}
	mark := ""
	if v.calls(m.GetMentions()) && m.GetUserId() != v.me {
		mark = callMark
	}
	return fmt.Sprintf("%s#%d %s %s%s: %s", mark, m.GetSeq(), clock(m.GetCreatedAt()), clean(m.GetUsername()), answers(m), strings.TrimPrefix(content, " "))
}

// answers says what a message answers, and where.
func answers(m *chatv1.Message) string {
	text := ""
	if m.GetThread() != 0 {
		text = fmt.Sprintf(" in thread #%d", m.GetThread())
	}
	switch q := m.GetQuote(); {
	case q.GetIsDeleted():
		text += fmt.Sprintf(" → %s (deleted)", clean(q.GetUsername()))
	case q != nil:
		text += fmt.Sprintf(" → %s “%s”", clean(q.GetUsername()), short(q.GetContent()))
	case m.GetReplyTo() != 0:
		text += fmt.Sprintf(" → #%d", m.GetReplyTo())
	}
	return text
}

// reactions are those under a message: [👍 2] [🎉 1]
func reactions(m *chatv1.Message) string {
	var text strings.Builder
	for _, r := range m.GetReactions() {
		_, _ = fmt.Fprintf(&text, " [%s %d]", clean(r.GetEmoji()), r.GetCount())
	}
	return text.String()
}

// event is what happened in a room. The timeline has it already, if it has the room.
func (v view) event(e *chatv1.Event) string {
	who := clean(e.GetActor().GetUsername())
	switch body := e.GetBody().(type) {
	case *chatv1.Event_Message:
		return v.message(v.posted(e))
	case *chatv1.Event_Edited:
		if m := v.about(body.Edited.GetSeq()); m != nil && !m.GetIsDeleted() {
			return "~ " + v.message(m)
		}
		return note(e, "%s edited #%d: %s", who, body.Edited.GetSeq(), v.content(body.Edited.GetContent(), body.Edited.GetMentions()))
	case *chatv1.Event_Deleted:
		if m := v.about(body.Deleted.GetSeq()); m != nil && m.GetUserId() != e.GetActor().GetUserId() {
			return note(e, "%s deleted #%d of %s", who, body.Deleted.GetSeq(), clean(m.GetUsername()))
		}
		return note(e, "%s deleted #%d", who, body.Deleted.GetSeq())
	case *chatv1.Event_Reaction:
		did := "put %s on"
		if body.Reaction.GetRemoved() {
			did = "took %s off"
		}
		return note(e, "%s %s %s", who, fmt.Sprintf(did, clean(body.Reaction.GetEmoji())), v.named(body.Reaction.GetSeq(), reactions))
	case *chatv1.Event_Pinned:
		did := "pinned"
		if body.Pinned.GetRemoved() {
			did = "unpinned"
		}
		return note(e, "%s %s %s", who, did, v.named(body.Pinned.GetSeq(), nil))
	case *chatv1.Event_MemberJoined, *chatv1.Event_MemberLeft, *chatv1.Event_RoomUpdated:
		return note(e, "%s", memberNote(e))
	}
	return note(e, "something happened that this client is too old to show")
}

// posted is the message of an event.
func (v view) posted(e *chatv1.Event) *chatv1.Message {
	if m := v.about(e.GetSeq()); m != nil {
		return m
	}
	m := e.GetMessage()
	return &chatv1.Message{
		Seq: e.GetSeq(), UserId: e.GetActor().GetUserId(), Username: e.GetActor().GetUsername(), CreatedAt: e.GetCreatedAt(),
		Content: m.GetContent(), Type: m.GetType(), FileUrl: m.GetFileUrl(), File: m.GetFile(), Mentions: m.GetMentions(), ReplyTo: m.GetReplyTo(),
		Thread: m.GetThread(), IsDeleted: m.GetDeleted(),
	}
}

// about is the message with this seq, if it is known.
func (v view) about(seq uint32) *chatv1.Message {
	if v.timeline == nil {
		return nil
	}
	return v.timeline.Message(seq)
}

// named is a message in few words, with what more says of it: #7 “hello”
func (v view) named(seq uint32, more func(*chatv1.Message) string) string {
	text := fmt.Sprintf("#%d", seq)
	m := v.about(seq)
	if m == nil {
		return text
	}
	if m.GetContent() != "" {
		text += " “" + short(m.GetContent()) + "”"
	}
	if more != nil {
		text += more(m)
	}
	return text
}

// calls reports whether one of the mentions is of the user.
func (v view) calls(mentions []*chatv1.Mention) bool {
	return slices.ContainsFunc(mentions, v.isCall)
}

func (v view) isCall(m *chatv1.Mention) bool {
	return v.me != "" && (m.GetKind() != "user" || m.GetUserId() == v.me)
}

// content is a text with the mentions of the user made to stand out. Places are in UTF-16 code units.
func (v view) content(text string, mentions []*chatv1.Mention) string {
	if v.highlight == nil || !v.calls(mentions) {
		return clean(text)
	}
	units := utf16.Encode([]rune(text))
	var out strings.Builder
	at := uint32(0)
	for _, m := range mentions {
		end := m.GetOffset() + m.GetLength()
		if !v.isCall(m) || m.GetOffset() < at || end > uint32(len(units)) || end < m.GetOffset() {
			continue
		}
		out.WriteString(clean(string(utf16.Decode(units[at:m.GetOffset()]))))
		out.WriteString(v.highlight(clean(string(utf16.Decode(units[m.GetOffset():end])))))
		at = end
	}
	out.WriteString(clean(string(utf16.Decode(units[at:]))))
	return out.String()
}

// short is the beginning of a text, on one line.
func short(text string) string {
	runes := []rune(strings.Join(strings.Fields(clean(text)), " "))
	if len(runes) > quoteLength {
		return string(runes[:quoteLength-1]) + "…"
	}
	return string(runes)
}

func note(e *chatv1.Event, format string, args ...any) string {
	return fmt.Sprintf("#%d %s · %s", e.GetSeq(), clock(e.GetCreatedAt()), fmt.Sprintf(format, args...))
}

func clock(at *timestamppb.Timestamp) string { return at.AsTime().In(time.Local).Format("15:04") }

// clean makes a stranger's text harmless to a terminal: no escape sequences, nothing that reverses the line. The lines of
// a longer text are indented, so that none can pass for another message.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\n      "))
}

// count is a number of things.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
