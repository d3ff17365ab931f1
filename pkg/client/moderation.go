package client

import (
	"context"
	"math"
	"time"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
)

// UpdateRoom renames a room, archives it, or changes anything else about it: what the request leaves out stays.
func (c *Client) UpdateRoom(ctx context.Context, change *roomsv1.UpdateRoomRequest) (*chatv1.Room, error) {
	return call(ctx, c, change, &chatv1.Room{})
}

// DeleteRoom deletes a room with everything that was said in it; for its owner. It cannot be taken back.
func (c *Client) DeleteRoom(ctx context.Context, roomID string) error {
	return done(ctx, c, &roomsv1.DeleteRoomRequest{RoomId: roomID}, &roomsv1.DeleteRoomResponse{})
}

// TransferRoom gives the user's room to another member; the user becomes an admin of it.
func (c *Client) TransferRoom(ctx context.Context, roomID, userID string) (*chatv1.Room, error) {
	return call(ctx, c, &roomsv1.TransferRoomRequest{RoomId: roomID, UserId: userID}, &chatv1.Room{})
}

// SetRole gives a member another role (the constants of package role), below the user's own.
func (c *Client) SetRole(ctx context.Context, roomID, userID, role string) (*chatv1.Member, error) {
	return c.SetMember(ctx, &roomsv1.SetMemberRequest{RoomId: roomID, UserId: userID, Role: &role})
}

// Mute keeps a member from writing for a while, rounded up to seconds; 0 lets them write again.
func (c *Client) Mute(ctx context.Context, roomID, userID string, during time.Duration) (*chatv1.Member, error) {
	return c.SetMember(ctx, &roomsv1.SetMemberRequest{RoomId: roomID, UserId: userID, MutedSeconds: new(seconds(during))})
}

// SetMember is SetRole and Mute at once: what the request leaves out stays.
func (c *Client) SetMember(ctx context.Context, change *roomsv1.SetMemberRequest) (*chatv1.Member, error) {
	return call(ctx, c, change, &chatv1.Member{})
}

// Kick removes a member from a room; they may come back. The members see the reason.
func (c *Client) Kick(ctx context.Context, roomID, userID, reason string) error {
	return done(ctx, c, &roomsv1.RemoveMemberRequest{RoomId: roomID, UserId: userID, Reason: reason}, &roomsv1.RemoveMemberResponse{})
}

// Ban keeps a user out of a room, member or not, for a while, rounded up to seconds, or (0) for good. The members see the reason.
// A ban that is there already gets this reason and end.
func (c *Client) Ban(ctx context.Context, roomID, userID, reason string, during time.Duration) (*roomsv1.Ban, error) {
	return call(ctx, c, &roomsv1.BanUserRequest{
		RoomId: roomID, UserId: userID, Reason: reason, Seconds: seconds(during),
	}, &roomsv1.Ban{})
}

// Bans returns who is banned from a room, newest first; after is the id of the last user of the page before.
func (c *Client) Bans(ctx context.Context, roomID, after string, limit int) ([]*roomsv1.Ban, error) {
	res, err := call(ctx, c, &roomsv1.ListBansRequest{RoomId: roomID, After: after, Limit: uint32(limit)}, &roomsv1.ListBansResponse{})
	return res.GetBans(), err
}

// LiftBan lets a banned user come back.
func (c *Client) LiftBan(ctx context.Context, roomID, userID string) error {
	return done(ctx, c, &roomsv1.LiftBanRequest{RoomId: roomID, UserId: userID}, &roomsv1.LiftBanResponse{})
}

// seconds rounds up: a moment is not 0, which means something else.
func seconds(d time.Duration) uint32 { return uint32(math.Ceil(d.Seconds())) }
