package client

import (
	"context"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
)

// Members returns the members in the order in which they joined. after is the user id of the last one of the page before
// ("": the first page); limit is 1 to 200 (0: 50).
func (c *Client) Members(ctx context.Context, roomID, after string, limit int) ([]*chatv1.Member, error) {
	res, err := call(ctx, c, &roomsv1.ListMembersRequest{RoomId: roomID, After: after, Limit: uint32(limit)}, &roomsv1.ListMembersResponse{})
	return res.GetMembers(), err
}

// AddMember adds a user to a room, without asking them; for its owners and admins.
func (c *Client) AddMember(ctx context.Context, roomID, userID string) (*chatv1.Member, error) {
	return call(ctx, c, &roomsv1.AddMemberRequest{RoomId: roomID, UserId: userID}, &chatv1.Member{})
}
