// Package command turns what a client asks for into a command to the log of a room. It checks what needs no state;
// membership, roles and targets are message-store's to judge, at commit.
package command

import (
	"strings"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"

	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// maxNonce is the longest nonce, in bytes.
const maxNonce = 64

// Of is the command that a frame asks for: send, edit, delete, react or pin. A fault names the field of that frame.
func Of(f *clientv1.ClientFrame, who authn.Caller) (ids.Room, *busv1.Command, error) {
	c := &busv1.Command{Actor: &chatv1.Actor{UserId: who.User.String(), Username: who.Username, Avatar: who.Avatar}}
	switch body := f.GetFrame().(type) {
	case *clientv1.ClientFrame_Send:
		m := body.Send
		c.RoomId, c.Nonce = m.GetRoomId(), m.GetNonce()
		c.Body = &busv1.Command_Message{Message: &chatv1.MessagePosted{
			Content: m.GetContent(), Type: m.GetType(), FileUrl: m.GetFileUrl(), ReplyTo: m.GetReplyTo(), Thread: m.GetThread(),
		}}
	case *clientv1.ClientFrame_Edit:
		m := body.Edit
		c.RoomId, c.Nonce = m.GetRoomId(), m.GetNonce()
		c.Body = &busv1.Command_Edited{Edited: &chatv1.MessageEdited{Seq: m.GetSeq(), Content: m.GetContent()}}
	case *clientv1.ClientFrame_Delete:
		m := body.Delete
		c.RoomId, c.Nonce = m.GetRoomId(), m.GetNonce()
		c.Body = &busv1.Command_Deleted{Deleted: &chatv1.MessageDeleted{Seq: m.GetSeq()}}
	case *clientv1.ClientFrame_React:
		m := body.React
		c.RoomId, c.Nonce = m.GetRoomId(), m.GetNonce()
		c.Body = &busv1.Command_Reaction{Reaction: &chatv1.ReactionChanged{Seq: m.GetSeq(), Emoji: m.GetEmoji(), Removed: m.GetRemove()}}
	case *clientv1.ClientFrame_Pin:
		m := body.Pin
		c.RoomId, c.Nonce = m.GetRoomId(), m.GetNonce()
		c.Body = &busv1.Command_Pinned{Pinned: &chatv1.PinChanged{Seq: m.GetSeq(), Removed: m.GetRemove()}}
	}
	room, err := ids.ParseRoom(c.GetRoomId())
	if err != nil {
		return room, nil, fault.Invalid("roomId", "a room id is %v", err)
	}
	if n := len(c.GetNonce()); n == 0 || n > maxNonce {
		return room, nil, fault.Invalid("nonce", "a nonce has 1 to %d bytes; use a UUID", maxNonce)
	}
	if strings.HasPrefix(c.GetNonce(), bus.ReservedNoncePrefix) {
		return room, nil, fault.Invalid("nonce", "a nonce does not begin with %s", bus.ReservedNoncePrefix)
	}
	return room, c, nil
}

// Ack is the answer to a command that is in the log.
func Ack(c *busv1.Command, ack *busv1.Ack) *clientv1.Ack {
	return &clientv1.Ack{
		RoomId: c.GetRoomId(), Nonce: c.GetNonce(), Seq: ack.GetSeq(), CreatedAt: ack.GetCreatedAt(), Duplicate: ack.GetDuplicate(),
	}
}
