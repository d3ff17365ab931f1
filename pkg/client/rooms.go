package client

import (
	"context"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
)

// Lists come in pages: after (or before) is the id, or seq, of the last one of the page before, "" or 0 for the first page;
// limit is 1 to 100, and 0 means 50. A page that is shorter than its limit is the last, unless the answer says otherwise.

// NewRoom creates a room with all that a room can have from the beginning; the user becomes its owner.
func (c *Client) NewRoom(ctx context.Context, room *roomsv1.CreateRoomRequest) (*chatv1.Room, error) {
	return call(ctx, c, room, &chatv1.Room{})
}

// CreateRoom is NewRoom for most of them.
func (c *Client) CreateRoom(ctx context.Context, name, description string, private bool) (*chatv1.Room, error) {
	return c.NewRoom(ctx, &roomsv1.CreateRoomRequest{Name: name, Description: description, IsPrivate: private})
}

// ListRooms returns the public rooms and the user's private ones, newest first. after is the id of the last room of the
// page before ("": the first page); limit is 1 to 100 (0: 50); joined leaves out the rooms the user is not a member of.
func (c *Client) ListRooms(ctx context.Context, after string, limit int, joined bool) ([]*chatv1.Room, error) {
	res, err := call(ctx, c, &roomsv1.ListRoomsRequest{After: after, Limit: uint32(limit), Joined: joined}, &roomsv1.ListRoomsResponse{})
	return res.GetRooms(), err
}

// Directory returns the public rooms by name, archived ones left out; query searches in names and topics. The answer says
// where the next page begins.
func (c *Client) Directory(ctx context.Context, query, after string, limit int) (*roomsv1.ListDirectoryResponse, error) {
	return call(ctx, c, &roomsv1.ListDirectoryRequest{Query: query, After: after, Limit: uint32(limit)}, &roomsv1.ListDirectoryResponse{})
}

// GetRoom returns one room. A private one is not_found for those who are not in it.
func (c *Client) GetRoom(ctx context.Context, roomID string) (*chatv1.Room, error) {
	return call(ctx, c, &roomsv1.GetRoomRequest{RoomId: roomID}, &chatv1.Room{})
}

// JoinRoom makes the user a member of a public room; joining twice is not an error.
func (c *Client) JoinRoom(ctx context.Context, roomID string) (*chatv1.Room, error) {
	return call(ctx, c, &roomsv1.JoinRoomRequest{RoomId: roomID}, &chatv1.Room{})
}

// LeaveRoom ends the user's membership. An owner first gives the room to another member, if there is one.
func (c *Client) LeaveRoom(ctx context.Context, roomID string) error {
	return done(ctx, c, &roomsv1.LeaveRoomRequest{RoomId: roomID}, &roomsv1.LeaveRoomResponse{})
}

// OpenDirect returns the direct conversation with a user, and makes it if there is none. It is the same one for both of
// them; with oneself it is a notebook.
func (c *Client) OpenDirect(ctx context.Context, userID string) (*chatv1.Room, error) {
	return call(ctx, c, &roomsv1.OpenDirectRequest{UserId: userID}, &chatv1.Room{})
}

// CreateGroup begins a group conversation with 1 to 49 others; the name may be empty.
func (c *Client) CreateGroup(ctx context.Context, name string, userIDs ...string) (*chatv1.Room, error) {
	return call(ctx, c, &roomsv1.CreateGroupRequest{Name: name, UserIds: userIDs}, &chatv1.Room{})
}

// SetPreferences says how the user wants a room shown, all of it: what p leaves out is unset.
func (c *Client) SetPreferences(ctx context.Context, roomID string, p *clientv1.Preferences) (*clientv1.Preferences, error) {
	return call(ctx, c, &roomsv1.SetPreferencesRequest{
		RoomId: roomID, IsFavourite: p.GetIsFavourite(), HiddenSeq: p.GetHiddenSeq(), Notifications: p.GetNotifications(),
	}, &clientv1.Preferences{})
}
