// Package wire turns what the store keeps into the messages of the protocol.
package wire

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

const (
	// maxReactors is how many users of a reaction are named; the others are only counted.
	maxReactors = 50
	// maxQuote is how many characters of a message a quote has.
	maxQuote = 300
)

// Time is a time of the store on the wire.
func Time(ms int64) *timestamppb.Timestamp {
	const perSecond, nanos = 1000, 1_000_000
	return &timestamppb.Timestamp{Seconds: ms / perSecond, Nanos: int32(ms % perSecond * nanos)}
}

// Event is an entry of a room's log as clients and gateways see it.
func Event(e *store.Event) *chatv1.Event {
	out := &chatv1.Event{
		RoomId: e.Room.String(), Seq: e.Seq, Ordinal: e.Ordinal, CreatedAt: Time(e.CreatedAt), Nonce: e.Nonce,
		Actor: &chatv1.Actor{UserId: e.Actor.User.String(), Username: e.Actor.Username, Avatar: e.Actor.Avatar},
	}
	switch e.Kind {
	case store.KindMessage:
		out.Body = &chatv1.Event_Message{Message: &chatv1.MessagePosted{
			Content: e.Content, Type: e.Type, FileUrl: e.FileURL, ReplyTo: e.ReplyTo, Deleted: e.Deleted,
			Mentions: mentions(e.Mentions), Thread: e.Thread, ThreadOrdinal: e.ThreadOrdinal, File: File(e.File),
		}}
	case store.KindEdited:
		out.Body = &chatv1.Event_Edited{Edited: &chatv1.MessageEdited{Seq: e.Target, Content: e.Content, Mentions: mentions(e.Mentions)}}
	case store.KindDeleted:
		out.Body = &chatv1.Event_Deleted{Deleted: &chatv1.MessageDeleted{Seq: e.Target}}
	case store.KindReaction:
		out.Body = &chatv1.Event_Reaction{Reaction: &chatv1.ReactionChanged{Seq: e.Target, Emoji: e.Emoji, Removed: e.Removed}}
	case store.KindPinned:
		out.Body = &chatv1.Event_Pinned{Pinned: &chatv1.PinChanged{Seq: e.Target, Removed: e.Removed}}
	case store.KindMemberJoined:
		joined := &chatv1.MemberJoined{User: user(e.Member), Role: e.Member.Role, Version: e.Version, IsChange: e.Member.IsChange}
		if e.Member.MutedUntil > 0 {
			joined.MutedUntil = Time(e.Member.MutedUntil)
		}
		out.Body = &chatv1.Event_MemberJoined{MemberJoined: joined}
	case store.KindMemberLeft:
		out.Body = &chatv1.Event_MemberLeft{MemberLeft: &chatv1.MemberLeft{
			User: user(e.Member), Reason: e.Member.Reason, Note: e.Member.Note, Version: e.Version,
		}}
	case store.KindRoomUpdated:
		out.Body = &chatv1.Event_RoomUpdated{RoomUpdated: Room(e)}
	}
	return out
}

// Room is what a room is since an event of KindRoomUpdated.
func Room(e *store.Event) *chatv1.RoomUpdated {
	i := e.Info
	return &chatv1.RoomUpdated{
		Name: i.Name, Description: i.Description, Topic: i.Topic, Avatar: i.Avatar, IsPrivate: i.IsPrivate, IsArchived: i.IsArchived,
		IsAnnouncement: i.IsAnnouncement, SlowModeSeconds: i.SlowModeSeconds, IsDeleted: i.IsDeleted, Version: e.Version,
	}
}

func mentions(from []store.Mention) (to []*chatv1.Mention) {
	for _, m := range from {
		out := &chatv1.Mention{Kind: string(m.Kind), Offset: m.Offset, Length: m.Length}
		if !m.User.IsZero() {
			out.UserId = m.User.String()
		}
		to = append(to, out)
	}
	return to
}

func user(m *store.Member) *chatv1.UserRef {
	return &chatv1.UserRef{Id: m.User.String(), Username: m.Username, Avatar: m.Avatar, IsBot: m.IsBot}
}

// File is what is said of an uploaded file; nil for none.
func File(f *store.FileInfo) *chatv1.File {
	if f == nil {
		return nil
	}
	return &chatv1.File{
		Id: f.ID.String(), Name: f.Name, Size: f.Size, Type: f.Type, Width: f.Width, Height: f.Height, HasThumbnail: f.HasThumbnail,
	}
}

// Message is a message of a page of history.
func Message(m *store.Message) *chatv1.Message {
	e := m.Event
	out := &chatv1.Message{
		Id: store.MessageID(e.Room, e.Seq), Seq: e.Seq, Ordinal: e.Ordinal, RoomId: e.Room.String(),
		UserId: e.Actor.User.String(), Username: e.Actor.Username, Avatar: e.Actor.Avatar, Nonce: e.Nonce,
		Content: m.Text(), Mentions: mentions(m.Calls()), Type: e.Type, FileUrl: e.FileURL, ReplyTo: e.ReplyTo,
		Thread: e.Thread, ThreadOrdinal: e.ThreadOrdinal, File: File(e.File),
		CreatedAt: Time(e.CreatedAt), UpdatedAt: Time(max(e.CreatedAt, m.UpdatedAt)),
		IsDeleted: m.DeletedSeq != 0, IsPinned: m.Pinned, IsEdited: m.EditedSeq != 0,
	}
	if out.GetIsDeleted() {
		out.FileUrl, out.File = "", nil
	}
	if m.EditedSeq != 0 {
		out.EditedAt = Time(m.EditedAt)
	}
	if t := m.Replies; t.Count > 0 {
		out.Replies = &chatv1.Thread{Count: t.Count, LastSeq: t.LastSeq, LastAt: Time(t.LastAt), LastUserId: t.LastUser.String()}
	}
	for _, r := range m.Reactions {
		named := make([]string, 0, min(len(r.Users), maxReactors))
		for _, u := range r.Users[:min(len(r.Users), maxReactors)] {
			named = append(named, u.User.String())
		}
		out.Reactions = append(out.Reactions, &chatv1.Reaction{Emoji: r.Emoji, Count: uint32(len(r.Users)), UserIds: named})
	}
	return out
}

// Quote is what a reply shows of the message it answers.
func Quote(m *store.Message) *chatv1.Quote {
	e := m.Event
	return &chatv1.Quote{
		Seq: e.Seq, UserId: e.Actor.User.String(), Username: e.Actor.Username, Content: beginning(m.Text(), maxQuote), Type: e.Type,
		IsDeleted: m.DeletedSeq != 0,
	}
}

// beginning is up to n characters of a text.
func beginning(text string, n int) string {
	for at := range text {
		if n--; n < 0 {
			return text[:at]
		}
	}
	return text
}

// Edit is a content that a message had since an event: its own, or an edit.
func Edit(e *store.Event) *storev1.Edit {
	return &storev1.Edit{Seq: e.Seq, Content: e.Content, CreatedAt: Time(e.CreatedAt), Mentions: mentions(e.Mentions)}
}
