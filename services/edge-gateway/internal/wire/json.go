package wire

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// AppendJSON encodes one frame as JSON onto dst, without a line feed. Frames that are sent often are written by hand,
// which costs no allocation; the others by protojson. Both give the same bytes (shown by TestJSONEqualsProtojson).
func AppendJSON(dst []byte, f *clientv1.ServerFrame) []byte {
	start := len(dst)
	dst = uint32Field(append(dst, '{'), "id", f.GetId())
	switch body := f.GetFrame().(type) {
	case *clientv1.ServerFrame_Event:
		dst = appendEvent(key(dst, "event"), body.Event)
	case *clientv1.ServerFrame_Ack:
		dst = appendAck(key(dst, "ack"), body.Ack)
	case *clientv1.ServerFrame_Ok:
		dst = append(key(dst, "ok"), "{}"...)
	case *clientv1.ServerFrame_Pong:
		dst = append(key(dst, "pong"), "{}"...)
	case *clientv1.ServerFrame_CaughtUp:
		dst = stringField(append(key(dst, "caughtUp"), '{'), "roomId", body.CaughtUp.GetRoomId())
		dst = append(uint32Field(dst, "seq", body.CaughtUp.GetSeq()), '}')
	case *clientv1.ServerFrame_Signal:
		dst = stringField(append(key(dst, "signal"), '{'), "roomId", body.Signal.GetRoomId())
		dst = stringField(dst, "userId", body.Signal.GetUserId())
		dst = append(boolField(dst, "typing", body.Signal.GetTyping()), '}')
	case *clientv1.ServerFrame_Receipt:
		dst = stringField(append(key(dst, "receipt"), '{'), "roomId", body.Receipt.GetRoomId())
		dst = stringField(dst, "userId", body.Receipt.GetUserId())
		dst = uint32Field(dst, "readSeq", body.Receipt.GetReadSeq())
		dst = append(uint32Field(dst, "deliveredSeq", body.Receipt.GetDeliveredSeq()), '}')
	case *clientv1.ServerFrame_Presence:
		dst = stringField(append(key(dst, "presence"), '{'), "userId", body.Presence.GetUserId())
		dst = boolField(dst, "online", body.Presence.GetOnline())
		dst = timeField(dst, "lastSeen", body.Presence.GetLastSeen())
		dst = boolField(dst, "away", body.Presence.GetAway())
		dst = append(statusField(dst, body.Presence.GetStatus()), '}')
	default:
		return appendProtojson(dst[:start], f)
	}
	return append(dst, '}')
}

// AppendEventJSON is AppendJSON of a frame that holds this event.
func AppendEventJSON(dst []byte, ev *chatv1.Event) []byte {
	return append(appendEvent(append(dst, `{"event":`...), ev), '}')
}

// appendProtojson is the slow way. protojson adds spaces at random, so that nobody relies on its bytes: they are removed.
func appendProtojson(dst []byte, f *clientv1.ServerFrame) []byte {
	text, err := protojson.Marshal(f)
	if err != nil {
		text, _ = protojson.Marshal(unencodable(f))
	}
	compact := bytes.NewBuffer(dst)
	_ = json.Compact(compact, text) // fails for invalid JSON only
	return compact.Bytes()
}

func appendEvent(dst []byte, ev *chatv1.Event) []byte {
	dst = stringField(append(dst, '{'), "roomId", ev.GetRoomId())
	dst = uint32Field(dst, "seq", ev.GetSeq())
	dst = uint32Field(dst, "ordinal", ev.GetOrdinal())
	dst = timeField(dst, "createdAt", ev.GetCreatedAt())
	if actor := ev.GetActor(); actor != nil {
		dst = stringField(append(key(dst, "actor"), '{'), "userId", actor.GetUserId())
		dst = stringField(dst, "username", actor.GetUsername())
		dst = append(stringField(dst, "avatar", actor.GetAvatar()), '}')
	}
	dst = stringField(dst, "nonce", ev.GetNonce())
	switch body := ev.GetBody().(type) {
	case *chatv1.Event_Message:
		dst = stringField(append(key(dst, "message"), '{'), "content", body.Message.GetContent())
		dst = stringField(dst, "type", body.Message.GetType())
		dst = stringField(dst, "fileUrl", body.Message.GetFileUrl())
		dst = uint32Field(dst, "replyTo", body.Message.GetReplyTo())
		dst = boolField(dst, "deleted", body.Message.GetDeleted())
		dst = mentionsField(dst, body.Message.GetMentions())
		dst = uint32Field(dst, "thread", body.Message.GetThread())
		dst = uint32Field(dst, "threadOrdinal", body.Message.GetThreadOrdinal())
		dst = append(fileField(dst, body.Message.GetFile()), '}')
	case *chatv1.Event_Edited:
		dst = uint32Field(append(key(dst, "edited"), '{'), "seq", body.Edited.GetSeq())
		dst = stringField(dst, "content", body.Edited.GetContent())
		dst = append(mentionsField(dst, body.Edited.GetMentions()), '}')
	case *chatv1.Event_Deleted:
		dst = append(uint32Field(append(key(dst, "deleted"), '{'), "seq", body.Deleted.GetSeq()), '}')
	case *chatv1.Event_Reaction:
		dst = uint32Field(append(key(dst, "reaction"), '{'), "seq", body.Reaction.GetSeq())
		dst = stringField(dst, "emoji", body.Reaction.GetEmoji())
		dst = append(boolField(dst, "removed", body.Reaction.GetRemoved()), '}')
	case *chatv1.Event_Pinned:
		dst = uint32Field(append(key(dst, "pinned"), '{'), "seq", body.Pinned.GetSeq())
		dst = append(boolField(dst, "removed", body.Pinned.GetRemoved()), '}')
	case *chatv1.Event_MemberJoined:
		dst = userField(append(key(dst, "memberJoined"), '{'), "user", body.MemberJoined.GetUser())
		dst = stringField(dst, "role", body.MemberJoined.GetRole())
		dst = uint32Field(dst, "version", body.MemberJoined.GetVersion())
		dst = timeField(dst, "mutedUntil", body.MemberJoined.GetMutedUntil())
		dst = append(boolField(dst, "isChange", body.MemberJoined.GetIsChange()), '}')
	case *chatv1.Event_MemberLeft:
		dst = userField(append(key(dst, "memberLeft"), '{'), "user", body.MemberLeft.GetUser())
		dst = stringField(dst, "reason", body.MemberLeft.GetReason())
		dst = uint32Field(dst, "version", body.MemberLeft.GetVersion())
		dst = append(stringField(dst, "note", body.MemberLeft.GetNote()), '}')
	case *chatv1.Event_RoomUpdated:
		dst = appendRoomUpdated(key(dst, "roomUpdated"), body.RoomUpdated)
	}
	return append(dst, '}')
}

func appendRoomUpdated(dst []byte, r *chatv1.RoomUpdated) []byte {
	dst = stringField(append(dst, '{'), "name", r.GetName())
	dst = stringField(dst, "description", r.GetDescription())
	dst = boolField(dst, "isPrivate", r.GetIsPrivate())
	dst = uint32Field(dst, "version", r.GetVersion())
	dst = stringField(dst, "topic", r.GetTopic())
	dst = stringField(dst, "avatar", r.GetAvatar())
	dst = boolField(dst, "isArchived", r.GetIsArchived())
	dst = boolField(dst, "isAnnouncement", r.GetIsAnnouncement())
	dst = uint32Field(dst, "slowModeSeconds", r.GetSlowModeSeconds())
	return append(boolField(dst, "isDeleted", r.GetIsDeleted()), '}')
}

func mentionsField(dst []byte, mentions []*chatv1.Mention) []byte {
	if len(mentions) == 0 {
		return dst
	}
	dst = append(key(dst, "mentions"), '[')
	for i, m := range mentions {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = stringField(append(dst, '{'), "kind", m.GetKind())
		dst = stringField(dst, "userId", m.GetUserId())
		dst = uint32Field(dst, "offset", m.GetOffset())
		dst = append(uint32Field(dst, "length", m.GetLength()), '}')
	}
	return append(dst, ']')
}

func fileField(dst []byte, f *chatv1.File) []byte {
	if f == nil {
		return dst
	}
	dst = stringField(append(key(dst, "file"), '{'), "id", f.GetId())
	dst = stringField(dst, "name", f.GetName())
	dst = uint32Field(dst, "size", f.GetSize())
	dst = stringField(dst, "type", f.GetType())
	dst = uint32Field(dst, "width", f.GetWidth())
	dst = uint32Field(dst, "height", f.GetHeight())
	return append(boolField(dst, "hasThumbnail", f.GetHasThumbnail()), '}')
}

func appendAck(dst []byte, ack *clientv1.Ack) []byte {
	dst = stringField(append(dst, '{'), "roomId", ack.GetRoomId())
	dst = stringField(dst, "nonce", ack.GetNonce())
	dst = uint32Field(dst, "seq", ack.GetSeq())
	dst = timeField(dst, "createdAt", ack.GetCreatedAt())
	return append(boolField(dst, "duplicate", ack.GetDuplicate()), '}')
}

func statusField(dst []byte, s *chatv1.Status) []byte {
	if s == nil {
		return dst
	}
	dst = stringField(append(key(dst, "status"), '{'), "text", s.GetText())
	dst = stringField(dst, "emoji", s.GetEmoji())
	dst = boolField(dst, "doNotDisturb", s.GetDoNotDisturb())
	return append(timeField(dst, "expiresAt", s.GetExpiresAt()), '}')
}

func userField(dst []byte, name string, u *chatv1.UserRef) []byte {
	if u == nil {
		return dst
	}
	dst = stringField(append(key(dst, name), '{'), "id", u.GetId())
	dst = stringField(dst, "username", u.GetUsername())
	dst = stringField(dst, "avatar", u.GetAvatar())
	return append(boolField(dst, "isBot", u.GetIsBot()), '}')
}

// key appends `"name":`, after a comma unless it is the first of its object.
func key(dst []byte, name string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(append(append(dst, '"'), name...), '"', ':')
}

// The fields below are left out when they hold the zero value, as in proto3's JSON mapping.

func uint32Field(dst []byte, name string, v uint32) []byte {
	if v == 0 {
		return dst
	}
	return strconv.AppendUint(key(dst, name), uint64(v), 10)
}

func boolField(dst []byte, name string, v bool) []byte {
	if !v {
		return dst
	}
	return append(key(dst, name), "true"...)
}

func stringField(dst []byte, name, v string) []byte {
	if v == "" {
		return dst
	}
	return appendString(key(dst, name), v)
}

// timeField appends an RFC 3339 time in UTC with 0, 3, 6 or 9 digits of a second. A time beyond what JSON can say
// (the years 1 to 9999) is left out.
func timeField(dst []byte, name string, ts *timestamppb.Timestamp) []byte {
	if ts == nil || !ts.IsValid() {
		return dst
	}
	layout := "2006-01-02T15:04:05.000000000Z"
	switch nanos := ts.GetNanos(); {
	case nanos == 0:
		layout = "2006-01-02T15:04:05Z"
	case nanos%1e6 == 0:
		layout = "2006-01-02T15:04:05.000Z"
	case nanos%1e3 == 0:
		layout = "2006-01-02T15:04:05.000000Z"
	}
	dst = append(key(dst, name), '"')
	return append(time.Unix(ts.GetSeconds(), int64(ts.GetNanos())).UTC().AppendFormat(dst, layout), '"')
}

// appendString appends a JSON string that is always valid UTF-8: what is not, becomes U+FFFD. Only what JSON requires is
// escaped; `<`, `&` and U+2028 are not.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	clean := 0 // s[clean:i] needs no escaping and is not copied yet
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(append(dst, s[clean:i]...), "\uFFFD"...)
				clean = i + 1
			}
			i += n
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(append(dst, s[clean:i]...), '\\')
		switch c {
		case '"', '\\':
			dst = append(dst, c)
		case '\b':
			dst = append(dst, 'b')
		case '\f':
			dst = append(dst, 'f')
		case '\n':
			dst = append(dst, 'n')
		case '\r':
			dst = append(dst, 'r')
		case '\t':
			dst = append(dst, 't')
		default:
			dst = append(dst, 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		clean = i
	}
	return append(append(dst, s[clean:]...), '"')
}
