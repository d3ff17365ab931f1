package client

import (
	"context"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
)

// Invite invites a user to a room. Who is invited already has one invitation: that one is returned.
func (c *Client) Invite(ctx context.Context, roomID, userID string) (*roomsv1.RoomInvitation, error) {
	return call(ctx, c, &roomsv1.InviteToRoomRequest{RoomId: roomID, UserId: userID}, &roomsv1.RoomInvitation{})
}

// RoomInvitations returns the pending invitations to a room, newest first, for those who may invite.
func (c *Client) RoomInvitations(ctx context.Context, roomID, after string, limit int) ([]*roomsv1.RoomInvitation, error) {
	req := &roomsv1.ListRoomInvitationsRequest{RoomId: roomID, After: after, Limit: uint32(limit)}
	res, err := call(ctx, c, req, &roomsv1.ListRoomInvitationsResponse{})
	return res.GetInvitations(), err
}

// RevokeInvitation takes an invitation to a room back.
func (c *Client) RevokeInvitation(ctx context.Context, roomID, invitationID string) error {
	req := &roomsv1.RevokeRoomInvitationRequest{RoomId: roomID, InvitationId: invitationID}
	return done(ctx, c, req, &roomsv1.RevokeRoomInvitationResponse{})
}

// Invitations returns the user's own pending invitations, newest first.
func (c *Client) Invitations(ctx context.Context, after string, limit int) ([]*roomsv1.RoomInvitation, error) {
	res, err := call(ctx, c, &roomsv1.ListMyInvitationsRequest{After: after, Limit: uint32(limit)}, &roomsv1.ListMyInvitationsResponse{})
	return res.GetInvitations(), err
}

// AcceptInvitation makes the user a member of the room they are invited to.
func (c *Client) AcceptInvitation(ctx context.Context, invitationID string) (*chatv1.Room, error) {
	return call(ctx, c, &roomsv1.AcceptRoomInvitationRequest{InvitationId: invitationID}, &chatv1.Room{})
}

// DeclineInvitation turns an invitation down.
func (c *Client) DeclineInvitation(ctx context.Context, invitationID string) error {
	return done(ctx, c, &roomsv1.DeclineRoomInvitationRequest{InvitationId: invitationID}, &roomsv1.DeclineRoomInvitationResponse{})
}

// CreateLink makes an invite link to a room. The answer has its token, for this one time.
func (c *Client) CreateLink(ctx context.Context, link *roomsv1.CreateRoomLinkRequest) (*roomsv1.RoomLink, error) {
	return call(ctx, c, link, &roomsv1.RoomLink{})
}

// Links returns the invite links of a room that have not expired, newest first, for those who may invite.
func (c *Client) Links(ctx context.Context, roomID, after string, limit int) ([]*roomsv1.RoomLink, error) {
	req := &roomsv1.ListRoomLinksRequest{RoomId: roomID, After: after, Limit: uint32(limit)}
	res, err := call(ctx, c, req, &roomsv1.ListRoomLinksResponse{})
	return res.GetLinks(), err
}

// RevokeLink makes an invite link useless; who came by it, stays.
func (c *Client) RevokeLink(ctx context.Context, roomID, linkID string) error {
	return done(ctx, c, &roomsv1.RevokeRoomLinkRequest{RoomId: roomID, LinkId: linkID}, &roomsv1.RevokeRoomLinkResponse{})
}

// PreviewLink shows the room that an invite link leads to.
func (c *Client) PreviewLink(ctx context.Context, token string) (*roomsv1.LinkPreview, error) {
	return call(ctx, c, &roomsv1.PreviewLinkRequest{Token: token}, &roomsv1.LinkPreview{})
}

// JoinByLink makes the user a member of the room that an invite link leads to.
func (c *Client) JoinByLink(ctx context.Context, token string) (*chatv1.Room, error) {
	return call(ctx, c, &roomsv1.JoinByLinkRequest{Token: token}, &chatv1.Room{})
}
