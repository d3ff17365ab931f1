package client

import (
	"context"

	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
)

// The calls of this file are for administrators of the server.

// AdminUsers returns a page of the accounts; after is the id of the last user of the page before.
func (c *Client) AdminUsers(ctx context.Context, after string, limit int) (*authv1.ListUsersResponse, error) {
	return call(ctx, c, &authv1.ListUsersRequest{After: after, Limit: uint32(limit)}, &authv1.ListUsersResponse{})
}

// SetUserRole makes a user an administrator, or no longer one, or hands the server over: see authv1.SetUserRoleRequest.
func (c *Client) SetUserRole(ctx context.Context, userID, role string) (*authv1.AdminUser, error) {
	return call(ctx, c, &authv1.SetUserRoleRequest{UserId: userID, Role: role}, &authv1.AdminUser{})
}

// DeactivateUser closes an account.
func (c *Client) DeactivateUser(ctx context.Context, userID string) (*authv1.AdminUser, error) {
	return call(ctx, c, &authv1.DeactivateUserRequest{UserId: userID}, &authv1.AdminUser{})
}

// ReactivateUser opens a closed account again.
func (c *Client) ReactivateUser(ctx context.Context, userID string) (*authv1.AdminUser, error) {
	return call(ctx, c, &authv1.ReactivateUserRequest{UserId: userID}, &authv1.AdminUser{})
}

// CreateSignUpInvitation makes a code that people may register with.
func (c *Client) CreateSignUpInvitation(ctx context.Context, invitation *authv1.CreateInvitationRequest) (*authv1.Invitation, error) {
	return call(ctx, c, invitation, &authv1.Invitation{})
}

// SignUpInvitations returns a page of the codes, newest first; before is the id of the last one of the page before.
func (c *Client) SignUpInvitations(ctx context.Context, before string, limit int) (*authv1.ListInvitationsResponse, error) {
	return call(ctx, c, &authv1.ListInvitationsRequest{Before: before, Limit: uint32(limit)}, &authv1.ListInvitationsResponse{})
}

// RevokeSignUpInvitation makes a code useless.
func (c *Client) RevokeSignUpInvitation(ctx context.Context, invitationID string) error {
	return done(ctx, c, &authv1.RevokeInvitationRequest{InvitationId: invitationID}, &authv1.RevokeInvitationResponse{})
}

// AuditEvents returns a page of the log of security events, newest first, filtered as the request says.
func (c *Client) AuditEvents(ctx context.Context, filter *authv1.ListAuditEventsRequest) ([]*authv1.AuditEvent, error) {
	res, err := call(ctx, c, filter, &authv1.ListAuditEventsResponse{})
	return res.GetEvents(), err
}
