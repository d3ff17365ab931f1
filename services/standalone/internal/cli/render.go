package cli

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/types/known/timestamppb"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// renderMessage is a message of the history: #7 15:04 ana: hi
func renderMessage(m *chatv1.Message) string {
	content := clean(m.GetContent())
	if m.GetIsDeleted() {
		content = "(deleted)"
	} else if m.GetIsEdited() {
		content += " (edited)"
	}
	for _, r := range m.GetReactions() {
		content += fmt.Sprintf(" [%s %d]", clean(r.GetEmoji()), r.GetCount())
	}
	return messageLine(m.GetSeq(), m.GetCreatedAt(), m.GetUsername(), m.GetReplyTo(), content+fileNote(m.GetType(), m.GetFileUrl()))
}

// renderEvent is what happened in a room, as one line.
func renderEvent(e *chatv1.Event) string {
	who := clean(e.GetActor().GetUsername())
	switch body := e.GetBody().(type) {
	case *chatv1.Event_Message:
		m := body.Message
		content := clean(m.GetContent())
		if m.GetDeleted() {
			content = "(deleted)"
		}
		return messageLine(e.GetSeq(), e.GetCreatedAt(), who, m.GetReplyTo(), content+fileNote(m.GetType(), m.GetFileUrl()))
	case *chatv1.Event_Edited:
		return note(e, "%s edited #%d: %s", who, body.Edited.GetSeq(), clean(body.Edited.GetContent()))
	case *chatv1.Event_Deleted:
		return note(e, "%s deleted #%d", who, body.Deleted.GetSeq())
	case *chatv1.Event_Reaction:
		if body.Reaction.GetRemoved() {
			return note(e, "%s took %s off #%d", who, clean(body.Reaction.GetEmoji()), body.Reaction.GetSeq())
		}
		return note(e, "%s put %s on #%d", who, clean(body.Reaction.GetEmoji()), body.Reaction.GetSeq())
	case *chatv1.Event_Pinned:
		if body.Pinned.GetRemoved() {
			return note(e, "%s unpinned #%d", who, body.Pinned.GetSeq())
		}
		return note(e, "%s pinned #%d", who, body.Pinned.GetSeq())
	case *chatv1.Event_MemberJoined:
		return note(e, "%s is a member (%s)", clean(body.MemberJoined.GetUser().GetUsername()), clean(body.MemberJoined.GetRole()))
	case *chatv1.Event_MemberLeft:
		return note(e, "%s is no longer a member (%s)", clean(body.MemberLeft.GetUser().GetUsername()), clean(body.MemberLeft.GetReason()))
	case *chatv1.Event_RoomUpdated:
		return note(e, "%s changed the room: %s", who, clean(body.RoomUpdated.GetName()))
	}
	return note(e, "something happened that this client is too old to show")
}

func messageLine(seq uint32, at *timestamppb.Timestamp, who string, replyTo uint32, content string) string {
	reply := ""
	if replyTo != 0 {
		reply = fmt.Sprintf(" → #%d", replyTo)
	}
	return fmt.Sprintf("#%d %s %s%s: %s", seq, clock(at), clean(who), reply, content)
}

func fileNote(kind, url string) string {
	if url == "" {
		return ""
	}
	return fmt.Sprintf(" [%s %s]", clean(kind), clean(url))
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
