package wire

import (
	"fmt"

	"github.com/natter-chat/natter/pkg/ids"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// Calling is the news of whom a message calls, for the other instances.
func Calling(c store.Calling) *busv1.MentionsChanged {
	out := &busv1.MentionsChanged{RoomId: c.Room.String(), Seq: c.Seq, AsOfSeq: c.AsOf, AuthorId: c.Author.String()}
	for _, user := range c.Users {
		if user == store.Everybody() {
			out.Everybody = true
			continue
		}
		out.UserIds = append(out.UserIds, user.String())
	}
	return out
}

// ParseCalling reads what Calling wrote.
func ParseCalling(in *busv1.MentionsChanged) (c store.Calling, err error) {
	c.Seq, c.AsOf = in.GetSeq(), in.GetAsOfSeq()
	if c.Room, err = ids.ParseRoom(in.GetRoomId()); err != nil {
		return c, fmt.Errorf("roomId: %w", err)
	}
	if c.Author, err = ids.ParseUser(in.GetAuthorId()); err != nil {
		return c, fmt.Errorf("authorId: %w", err)
	}
	if in.GetEverybody() {
		c.Users = append(c.Users, store.Everybody())
	}
	for _, text := range in.GetUserIds() {
		user, err := ids.ParseUser(text)
		if err != nil {
			return c, fmt.Errorf("userIds: %w", err)
		}
		c.Users = append(c.Users, user)
	}
	return c, nil
}
