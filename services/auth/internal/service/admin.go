package service

import (
	"cmp"
	"context"
	"crypto/rand"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	"github.com/natter-chat/natter/services/auth/internal/audit"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// The pages of lists.
const (
	defaultPage = 50
	maxPage     = 200
)

// The limits of an invitation.
const (
	maxNote           = 200 // characters
	maxInvitationUses = 10_000
	maxInvitationDays = 365
	invitationDays    = 7
	day               = 24 * time.Hour
)

// administrator is the caller, who is at least an administrator: now, not when the token was made.
func (s *Service) administrator(ctx context.Context) (user.User, error) {
	u, err := s.me(ctx)
	if err == nil && u.Role < user.Admin {
		err = fault.New(fault.PermissionDenied, "only administrators may do this")
	}
	return u, err
}

func page(limit uint32) (int, error) {
	n := int(cmp.Or(limit, defaultPage))
	if n > maxPage {
		return 0, fault.Invalid("limit", "a page has at most %d entries", maxPage)
	}
	return n, nil
}

// ListUsers returns a page of all users.
func (s *Service) ListUsers(ctx context.Context, req *authv1.ListUsersRequest) (*authv1.ListUsersResponse, error) {
	if _, err := s.administrator(ctx); err != nil {
		return nil, err
	}
	limit, err := page(req.GetLimit())
	if err != nil {
		return nil, err
	}
	var after ids.User
	if req.GetAfter() != "" {
		if after, err = ids.ParseUser(req.GetAfter()); err != nil {
			return nil, fault.Invalid("after", "this is not the id of a user")
		}
	}
	users, err := s.store.Users(ctx, after, limit+1)
	if err != nil {
		return nil, err
	}
	res := &authv1.ListUsersResponse{More: len(users) > limit}
	for _, u := range users[:min(limit, len(users))] {
		res.Users = append(res.Users, adminUser(u))
	}
	return res, nil
}

func adminUser(u user.User) *authv1.AdminUser {
	return &authv1.AdminUser{
		Id: u.ID.String(), Email: u.Email.Text, EmailVerified: u.EmailVerified, Username: u.Username.Text, Avatar: u.Avatar,
		Role: u.Role.String(), State: u.State.String(), CreatedAt: timestamppb.New(u.CreatedAt),
	}
}

// target is the user whom a request of an administrator is about.
func target(id string) (ids.User, error) {
	u, err := ids.ParseUser(id)
	if err != nil {
		return u, fault.Invalid("userId", "this is not the id of a user")
	}
	return u, nil
}

// SetUserRole gives a user a role; only the owner does.
func (s *Service) SetUserRole(ctx context.Context, req *authv1.SetUserRoleRequest) (*authv1.AdminUser, error) {
	caller, err := s.administrator(ctx)
	if err != nil {
		return nil, err
	}
	id, err := target(req.GetUserId())
	if err != nil {
		return nil, err
	}
	role, err := user.ParseRole(req.GetRole())
	if err != nil {
		return nil, fault.Invalid("role", "a role is owner, admin or member")
	}
	switch {
	case caller.Role != user.Owner:
		return nil, fault.New(fault.PermissionDenied, "only the owner gives roles")
	case id == caller.ID:
		return nil, fault.New(fault.PermissionDenied, "the owner stays the owner: make somebody else the owner")
	case role == user.Owner:
		err = s.store.HandOver(ctx, caller.ID, id)
		if fault.CodeOf(err) == fault.Conflict {
			err = fault.New(fault.NotFound, "there is no such user whose account is open")
		}
	default:
		_, err = s.store.UpdateUser(ctx, id, func(u *user.User) error {
			if u.State == user.Deleted {
				return fault.New(fault.NotFound, "this account is deleted")
			}
			if u.Role == user.Owner { // became it at the same time
				return fault.New(fault.Conflict, "this user is the owner by now")
			}
			u.Role = role
			return nil
		})
	}
	if err != nil {
		return nil, err
	}
	s.audit(ctx, audit.Event{Kind: audit.RoleChanged, User: id, Detail: role.String()})
	u, err := s.store.UserByID(ctx, id)
	if err != nil {
		return nil, err
	}
	return adminUser(u), nil
}

// DeactivateUser closes the account of a user with a lower role.
func (s *Service) DeactivateUser(ctx context.Context, req *authv1.DeactivateUserRequest) (*authv1.AdminUser, error) {
	return s.setStateOf(ctx, req.GetUserId(), user.Deactivated, audit.UserDeactivated)
}

// ReactivateUser opens it again.
func (s *Service) ReactivateUser(ctx context.Context, req *authv1.ReactivateUserRequest) (*authv1.AdminUser, error) {
	return s.setStateOf(ctx, req.GetUserId(), user.Active, audit.UserReactivated)
}

func (s *Service) setStateOf(ctx context.Context, userID string, to user.State, kind audit.Kind) (*authv1.AdminUser, error) {
	caller, err := s.administrator(ctx)
	if err != nil {
		return nil, err
	}
	id, err := target(userID)
	if err != nil {
		return nil, err
	}
	u, err := s.setState(ctx, id, to, kind, func(u *user.User) error {
		if u.Role >= caller.Role {
			return fault.New(fault.PermissionDenied, "only a user with a higher role may do this")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return adminUser(u), nil
}

// CreateInvitation makes an invitation; its code is in this answer and nowhere else.
func (s *Service) CreateInvitation(ctx context.Context, req *authv1.CreateInvitationRequest) (*authv1.Invitation, error) {
	caller, err := s.administrator(ctx)
	if err != nil {
		return nil, err
	}
	note := strings.TrimSpace(req.GetNote())
	uses, days := cmp.Or(req.GetMaxUses(), 1), cmp.Or(req.GetDays(), invitationDays)
	switch {
	case utf8.RuneCountInString(note) > maxNote:
		return nil, fault.Invalid("note", "a note has at most %d characters", maxNote)
	case uses > maxInvitationUses:
		return nil, fault.Invalid("maxUses", "an invitation has at most %d uses", maxInvitationUses)
	case days > maxInvitationDays:
		return nil, fault.Invalid("days", "an invitation is valid for at most %d days", maxInvitationDays)
	}
	code, at := rand.Text(), now()
	i := store.Invitation{
		ID: ids.New[ids.Invitation](), Hash: hashToken(code), CreatedBy: caller.ID, Note: note, MaxUses: int(uses),
		CreatedAt: at, ExpiresAt: at.Add(time.Duration(days) * day),
	}
	if err := s.store.AddInvitation(ctx, i); err != nil {
		return nil, err
	}
	s.audit(ctx, audit.Event{Kind: audit.InvitationCreated, User: caller.ID, Detail: i.ID.String() + " " + note})
	res := protoInvitation(i)
	res.Code = code
	return res, nil
}

func protoInvitation(i store.Invitation) *authv1.Invitation {
	return &authv1.Invitation{
		Id: i.ID.String(), Note: i.Note, Uses: uint32(i.Uses), MaxUses: uint32(i.MaxUses), CreatedBy: i.CreatedBy.String(),
		CreatedAt: timestamppb.New(i.CreatedAt), ExpiresAt: timestamppb.New(i.ExpiresAt),
	}
}

// ListInvitations returns a page of the invitations.
func (s *Service) ListInvitations(ctx context.Context, req *authv1.ListInvitationsRequest) (*authv1.ListInvitationsResponse, error) {
	if _, err := s.administrator(ctx); err != nil {
		return nil, err
	}
	limit, err := page(req.GetLimit())
	if err != nil {
		return nil, err
	}
	var before ids.Invitation
	if req.GetBefore() != "" {
		if before, err = ids.ParseInvitation(req.GetBefore()); err != nil {
			return nil, fault.Invalid("before", "this is not the id of an invitation")
		}
	}
	list, err := s.store.Invitations(ctx, before, limit+1)
	if err != nil {
		return nil, err
	}
	res := &authv1.ListInvitationsResponse{More: len(list) > limit}
	for _, i := range list[:min(limit, len(list))] {
		res.Invitations = append(res.Invitations, protoInvitation(i))
	}
	return res, nil
}

// RevokeInvitation takes an invitation back.
func (s *Service) RevokeInvitation(ctx context.Context, req *authv1.RevokeInvitationRequest) (*authv1.RevokeInvitationResponse, error) {
	caller, err := s.administrator(ctx)
	if err != nil {
		return nil, err
	}
	id, err := ids.ParseInvitation(req.GetInvitationId())
	if err != nil {
		return nil, fault.Invalid("invitationId", "this is not the id of an invitation")
	}
	if err := s.store.DeleteInvitation(ctx, id); err != nil {
		return nil, err
	}
	s.audit(ctx, audit.Event{Kind: audit.InvitationRevoked, User: caller.ID, Detail: id.String()})
	return &authv1.RevokeInvitationResponse{}, nil
}
