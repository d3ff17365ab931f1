package service

import (
	"context"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/rpc"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	"github.com/natter-chat/natter/services/auth/internal/audit"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// reauthenticate returns the caller, who has given their password again, and a code if they have a second factor: a
// borrowed phone or a stolen token is not enough for what follows. Errors name the field; none means that the token is bad.
func (s *Service) reauthenticate(ctx context.Context, password, code string) (u user.User, err error) {
	if u, err = s.checkPassword(ctx, password); err != nil {
		return u, err
	}
	err = s.checkSecondFactor(ctx, u, code)
	if f := fault.From(err); err != nil && f.Code == fault.Unauthenticated {
		return u, &fault.Fault{Code: fault.PermissionDenied, Field: f.Field, Message: f.Message}
	}
	return u, err
}

// checkPassword is reauthenticate without the second factor.
func (s *Service) checkPassword(ctx context.Context, password string) (u user.User, err error) {
	if u, err = s.me(ctx); err != nil {
		return u, err
	}
	if u.PasswordHash == "" {
		return u, &fault.Fault{Code: fault.PermissionDenied, Field: "password", Message: "this account has no password yet: set one with a reset link"}
	}
	settle, err := s.attempt(ctx, login, u.Email.Key)
	if err != nil {
		return u, err
	}
	defer func() { settle(err) }()
	ok, err := s.passwords.Verify(ctx, password, u.PasswordHash)
	if err == nil && !ok {
		err = &fault.Fault{Code: fault.PermissionDenied, Field: "password", Message: "wrong password"}
	}
	return u, err
}

// RequestPasswordReset mails a link.
func (s *Service) RequestPasswordReset(ctx context.Context, req *authv1.RequestPasswordResetRequest) (*authv1.RequestPasswordResetResponse, error) {
	err := s.mailTo(ctx, req.GetEmail(), store.ResetPassword, func(user.User) bool { return true })
	return &authv1.RequestPasswordResetResponse{}, err
}

// ResetPassword sets the password of whoever reads mail at the account's address, which thereby is verified. It does not
// sign in: a second factor is still asked for.
func (s *Service) ResetPassword(ctx context.Context, req *authv1.ResetPasswordRequest) (*authv1.ResetPasswordResponse, error) {
	token := hashToken(req.GetToken())
	mailed, err := s.store.MailToken(ctx, token, store.ResetPassword, time.Now())
	if fault.CodeOf(err) == fault.NotFound {
		return nil, errLink
	}
	if err != nil {
		return nil, err
	}
	was, err := s.store.UserByID(ctx, mailed.User)
	if err != nil {
		return nil, err
	}
	if err := user.CheckPassword("password", req.GetPassword(), was.Email, was.Username); err != nil {
		return nil, err
	}
	hash, err := s.passwords.Hash(ctx, req.GetPassword())
	if err != nil {
		return nil, err
	}
	u, ended, err := s.store.ResetPassword(ctx, token, hash, now())
	if fault.CodeOf(err) == fault.NotFound {
		return nil, errLink
	}
	if err != nil {
		return nil, err
	}
	s.tellEnded(u.ID, ended)
	s.audit(ctx, audit.Event{Kind: audit.PasswordReset, User: u.ID})
	s.tellPasswordChanged(u)
	return &authv1.ResetPasswordResponse{}, nil
}

// ChangePassword sets another password; the caller's session goes on.
func (s *Service) ChangePassword(ctx context.Context, req *authv1.ChangePasswordRequest) (*authv1.ChangePasswordResponse, error) {
	was, err := s.reauthenticate(ctx, req.GetPassword(), req.GetCode())
	if err != nil {
		return nil, err
	}
	if err := user.CheckPassword("newPassword", req.GetNewPassword(), was.Email, was.Username); err != nil {
		return nil, err
	}
	hash, err := s.passwords.Hash(ctx, req.GetNewPassword())
	if err != nil {
		return nil, err
	}
	u, err := s.store.UpdateUser(ctx, was.ID, func(u *user.User) error {
		if u.PasswordHash != was.PasswordHash {
			return fault.New(fault.Conflict, "the password was changed at the same time")
		}
		u.PasswordHash = hash
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.audit(ctx, audit.Event{Kind: audit.PasswordChanged, User: u.ID})
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return nil, err
	}
	// What the old password began ends.
	if err := s.revoke(ctx, u.ID, caller.Session); err != nil {
		return nil, err
	}
	if err := s.store.DropMailTokens(ctx, u.ID); err != nil {
		return nil, err
	}
	s.tellPasswordChanged(u)
	return &authv1.ChangePasswordResponse{}, nil
}

func (s *Service) tellPasswordChanged(u user.User) {
	s.tell(u, u.Email, "Your password was changed", "the password of your account was changed.")
}
