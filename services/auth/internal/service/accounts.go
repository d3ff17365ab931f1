package service

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/avatar"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/subject"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/auth/internal/audit"
	"github.com/natter-chat/natter/services/auth/internal/mail"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// AccountsConfig says who may have an account.
type AccountsConfig struct {
	SignUp      string   `env:"NATTER_SIGN_UP" envDefault:"open" help:"who may register, besides the first, who is the owner: open (everybody), invite (by an administrator's invitation), domains (who reads mail at NATTER_SIGN_UP_DOMAINS)"`
	Domains     []string `env:"NATTER_SIGN_UP_DOMAINS" help:"domains of e-mail addresses, such as example.org,example.com; for NATTER_SIGN_UP=domains"`
	PerAddress  int      `env:"NATTER_SIGN_UPS_PER_ADDRESS" envDefault:"50" help:"accounts that one address may make within two hours before it has to wait; 0: any number"`
	VerifyEmail bool     `env:"NATTER_REQUIRE_VERIFIED_EMAIL" envDefault:"false" help:"let people sign in only when their e-mail address is verified; always so for NATTER_SIGN_UP=domains"`
}

// The sign-up modes.
const (
	signUpOpen    = "open"
	signUpInvite  = "invite"
	signUpDomains = "domains"
)

// Check says what is wrong with the settings.
func (c AccountsConfig) Check() error {
	if !slices.Contains([]string{signUpOpen, signUpInvite, signUpDomains}, c.SignUp) {
		return fmt.Errorf("NATTER_SIGN_UP: %q is not open, invite or domains", c.SignUp)
	}
	if (c.SignUp == signUpDomains) != (len(c.Domains) > 0) {
		return fmt.Errorf("NATTER_SIGN_UP_DOMAINS goes with NATTER_SIGN_UP=domains, and that needs at least one")
	}
	return nil
}

// wantsVerified: nobody can sign in with an address that they only say is theirs. Where domains decide, all depends on it.
func (c AccountsConfig) wantsVerified() bool { return c.VerifyEmail || c.SignUp == signUpDomains }

// admits says whether an address may sign up.
func (c AccountsConfig) admits(email user.Name) error {
	is := func(domain string) bool { return strings.EqualFold(strings.TrimPrefix(domain, "@"), email.Domain()) }
	if c.SignUp == signUpDomains && !slices.ContainsFunc(c.Domains, is) {
		return &fault.Fault{Code: fault.PermissionDenied, Field: "email", Message: "this server takes e-mail addresses of its own domains only"}
	}
	return nil
}

// signUp adds a user as the settings allow. Every way to get an account ends here; invitation is the code of one.
func (s *Service) signUp(ctx context.Context, u user.User, invitation string) (user.User, error) {
	if err := s.accounts.admits(u.Email); err != nil {
		return u, err
	}
	role, err := s.store.SignUp(ctx, u, s.accounts.SignUp == signUpInvite, hashToken(strings.ToUpper(strings.TrimSpace(invitation))))
	if err != nil {
		return u, err
	}
	u.Role = role
	s.audit(ctx, audit.Event{Kind: audit.UserRegistered, User: u.ID, Actor: u.ID, Detail: role.String()})
	if !u.EmailVerified {
		if err := s.mailLink(ctx, u, ids.Session{}, store.VerifyEmail, u.Email); err != nil {
			s.log.Error("verification not mailed", "error", err) // they may ask again
		}
	}
	return u, nil
}

// errClosed is the answer to who proves to be the user of a closed account.
var errClosed = fault.New(fault.PermissionDenied, "this account is closed")

// mayUse refuses those who have proved who they are, and still may not in.
func (s *Service) mayUse(u user.User) error {
	if u.State != user.Active {
		return errClosed
	}
	if s.accounts.wantsVerified() && !u.EmailVerified {
		return fault.New(fault.EmailNotVerified, "verify your e-mail address first: follow the link in the mail to you")
	}
	return nil
}

// hashToken is what of a token or a code is stored: they have so many random bits that a slow hash is of no use.
func hashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// me is the caller's account as stored now.
func (s *Service) me(ctx context.Context) (user.User, error) {
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return user.User{}, err
	}
	u, err := s.store.UserByID(ctx, caller.User)
	if fault.CodeOf(err) == fault.NotFound || err == nil && u.State == user.Deleted {
		return user.User{}, fault.New(fault.Unauthenticated, "this account does not exist any more")
	}
	if err == nil && u.State != user.Active {
		return user.User{}, fault.New(fault.Unauthenticated, "this account is closed")
	}
	return u, err
}

// sessionOf is the caller's session.
func sessionOf(ctx context.Context) ids.Session {
	caller, _ := rpc.Caller(ctx) // me has seen that there is one
	return caller.Session
}

// SendVerification mails the link once more.
func (s *Service) SendVerification(ctx context.Context, req *authv1.SendVerificationRequest) (*authv1.SendVerificationResponse, error) {
	err := s.mailTo(ctx, req.GetEmail(), store.VerifyEmail, func(u user.User) bool { return !u.EmailVerified })
	return &authv1.SendVerificationResponse{}, err
}

// mailTo mails a link to the owner of an address, if it is an account's that wants it. It goes to the address as it is
// stored, and the answer is always the same.
func (s *Service) mailTo(ctx context.Context, address string, purpose store.MailPurpose, wanted func(user.User) bool) (err error) {
	email, err := user.ParseEmail(address)
	if err != nil {
		return err
	}
	settle, err := s.attempt(ctx, reset, email.Key)
	if err != nil {
		return err
	}
	defer func() { settle(err) }()
	u, err := s.store.UserByEmail(ctx, email.Key)
	if err == nil && u.State == user.Active && wanted(u) {
		err = s.mailLink(ctx, u, ids.Session{}, purpose, u.Email)
	}
	switch fault.CodeOf(err) {
	case fault.NotFound, fault.ResourceExhausted:
		return nil
	}
	return err
}

// errLink is the answer to a token that nobody has.
var errLink = &fault.Fault{Code: fault.PermissionDenied, Field: "token", Message: "this link has been used or has expired; ask for another one"}

// VerifyEmail takes the token of a mail to the address that an account has, or wants.
func (s *Service) VerifyEmail(ctx context.Context, req *authv1.VerifyEmailRequest) (*authv1.VerifyEmailResponse, error) {
	hash, at := hashToken(req.GetToken()), now()
	u, err := s.store.UseMailToken(ctx, hash, store.VerifyEmail, at, func(t store.MailToken, u *user.User) error {
		if u.Email.Key != t.Email.Key || u.State != user.Active {
			return errLink
		}
		u.EmailVerified = true
		return nil
	})
	if err == nil {
		s.audit(ctx, audit.Event{Kind: audit.EmailVerified, User: u.ID, Actor: u.ID})
		return &authv1.VerifyEmailResponse{Email: u.Email.Text}, nil
	}
	if fault.CodeOf(err) != fault.NotFound {
		return nil, err
	}
	var old user.Name
	u, err = s.store.UseMailToken(ctx, hash, store.ChangeEmail, at, func(t store.MailToken, u *user.User) error {
		if u.State != user.Active {
			return errLink
		}
		old, u.Email, u.EmailVerified = u.Email, t.Email, true
		return nil
	})
	switch {
	case fault.CodeOf(err) == fault.NotFound:
		return nil, errLink
	case err != nil:
		return nil, err
	}
	// What was mailed to the old address must not work any more.
	if err := s.store.DropMailTokens(ctx, u.ID); err != nil {
		return nil, err
	}
	s.audit(ctx, audit.Event{Kind: audit.EmailChanged, User: u.ID, Actor: u.ID, Detail: "was " + old.Text})
	s.tell(u, old, "Your e-mail address was changed", "your account has another e-mail address now: "+u.Email.Text+".")
	s.publishProfile(u, false)
	return &authv1.VerifyEmailResponse{Email: u.Email.Text}, nil
}

// ChangeEmail mails a link to the address that the caller wants. That it is another's already, the answer does not tell:
// following the link does.
func (s *Service) ChangeEmail(ctx context.Context, req *authv1.ChangeEmailRequest) (*authv1.ChangeEmailResponse, error) {
	email, err := user.ParseEmail(req.GetEmail())
	if err != nil {
		return nil, err
	}
	u, err := s.reauthenticate(ctx, req.GetPassword(), req.GetCode())
	if err != nil {
		return nil, err
	}
	if err := s.accounts.admits(email); err != nil {
		return nil, err
	}
	if err := s.mailLink(ctx, u, sessionOf(ctx), store.ChangeEmail, email); err != nil {
		return nil, err
	}
	s.tell(u, u.Email, "Your e-mail address is about to change", "somebody asked to change the e-mail address of your account to "+email.Text+".")
	return &authv1.ChangeEmailResponse{}, nil
}

// UpdateMe changes the caller's name or avatar.
func (s *Service) UpdateMe(ctx context.Context, req *authv1.UpdateMeRequest) (*chatv1.User, error) {
	caller, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	name, picture := caller.Username, caller.Avatar
	if req.Username != nil {
		if name, err = user.ParseUsername(req.GetUsername()); err != nil {
			return nil, err
		}
	}
	if req.Avatar != nil {
		if picture, err = avatar.Parse(req.GetAvatar()); err != nil {
			return nil, err
		}
	}
	if name == caller.Username && picture == caller.Avatar {
		return protoUser(caller), nil
	}
	u, err := s.store.UpdateUser(ctx, caller.ID, func(u *user.User) error {
		if req.Username != nil {
			u.Username = name
		}
		if req.Avatar != nil {
			u.Avatar = picture
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.audit(ctx, audit.Event{Kind: audit.ProfileChanged, User: u.ID, Detail: "was " + caller.Username.Text})
	s.publishProfile(u, true)
	return protoUser(u), nil
}

// publishProfile tells live clients: the user's own, and, when others see the change, theirs. It may be lost: names are
// read again within a minute wherever they are kept.
func (s *Service) publishProfile(u user.User, isSeen bool) {
	s.publish(subject.UserEvent(u.ID), &busv1.UserEvent{Event: &busv1.UserEvent_Profile{Profile: protoUser(u)}})
	if isSeen {
		s.publish(subject.UsersChanged, &busv1.ProfileChanged{User: protoRef(u)})
	}
}

// publish tells whoever listens. That the bus is away is no error: all that listen ask again, now and then.
func (s *Service) publish(to string, m proto.Message) {
	data, err := proto.Marshal(m)
	if err == nil {
		err = s.bus.Publish(to, data)
	}
	if err != nil {
		s.log.Warn("change not published", "subject", to, "error", err)
	}
}

// DeactivateMe closes the caller's account.
func (s *Service) DeactivateMe(ctx context.Context, req *authv1.DeactivateMeRequest) (*authv1.DeactivateMeResponse, error) {
	u, err := s.reauthenticate(ctx, req.GetPassword(), req.GetCode())
	if err != nil {
		return nil, err
	}
	_, err = s.setState(ctx, u.ID, user.Deactivated, audit.UserDeactivated, notTheOwner)
	return &authv1.DeactivateMeResponse{}, err
}

// notTheOwner keeps a server from losing its owner.
func notTheOwner(u *user.User) error {
	if u.Role == user.Owner {
		return fault.New(fault.PermissionDenied, "the owner cannot be closed or deleted: make somebody else the owner first")
	}
	return nil
}

// setState opens or closes an account; check is asked about it as it is stored.
func (s *Service) setState(ctx context.Context, id ids.User, to user.State, kind audit.Kind, check func(*user.User) error) (user.User, error) {
	u, err := s.store.UpdateUser(ctx, id, func(u *user.User) error {
		if u.State == user.Deleted {
			return fault.New(fault.NotFound, "this account is deleted")
		}
		u.State = to
		return check(u)
	})
	if err != nil {
		return u, err
	}
	s.audit(ctx, audit.Event{Kind: kind, User: id})
	if to == user.Active {
		return u, nil
	}
	return u, errors.Join(s.revoke(ctx, id, ids.Session{}), s.hangUpTokens(ctx, id))
}

// DeleteMe deletes the caller's account.
func (s *Service) DeleteMe(ctx context.Context, req *authv1.DeleteMeRequest) (*authv1.DeleteMeResponse, error) {
	u, err := s.reauthenticate(ctx, req.GetPassword(), req.GetCode())
	if err != nil {
		return nil, err
	}
	if err := notTheOwner(&u); err != nil {
		return nil, err
	}
	// Closed first: nobody signs in between the end of the sessions and that of the account.
	if _, err := s.setState(ctx, u.ID, user.Deactivated, audit.UserDeactivated, notTheOwner); err != nil {
		return nil, err
	}
	bots, err := s.store.BotsOf(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	for _, bot := range bots {
		if err := s.erase(ctx, bot, audit.Event{Kind: audit.BotDeleted, Detail: bot.Username.Text}); err != nil {
			return nil, err
		}
	}
	if err := s.erase(ctx, u, audit.Event{Kind: audit.UserDeleted}); err != nil {
		return nil, err
	}
	s.mail.Send(mail.Message{To: u.Email.Text, Subject: "Your account was deleted", Text: "Hello " + u.Username.Text + ",\n\nyour account was deleted.\n"})
	return &authv1.DeleteMeResponse{}, nil
}

// erase deletes an account, and tells of it.
func (s *Service) erase(ctx context.Context, u user.User, event audit.Event) error {
	ended, err := s.store.EraseUser(ctx, u.ID, now())
	if err != nil {
		return err
	}
	s.tellEnded(u.ID, ended)
	event.User = u.ID
	s.audit(ctx, event)
	s.publishProfile(u.Erased(), true)
	return nil
}

// serveAccounts adds the methods of accounts to the bus.
func (s *Service) serveAccounts(server *rpc.Server) error {
	return errors.Join(
		rpc.Handle(server, "SendVerification", s.SendVerification),
		rpc.Handle(server, "VerifyEmail", s.VerifyEmail),
		rpc.Handle(server, "RequestPasswordReset", s.RequestPasswordReset),
		rpc.Handle(server, "ResetPassword", s.ResetPassword),
		rpc.Handle(server, "ChangePassword", s.ChangePassword),
		rpc.Handle(server, "ChangeEmail", s.ChangeEmail),
		rpc.Handle(server, "UpdateMe", s.UpdateMe),
		rpc.Handle(server, "DeactivateMe", s.DeactivateMe),
		rpc.Handle(server, "DeleteMe", s.DeleteMe),
		rpc.Handle(server, "GetSecurity", s.GetSecurity),
		rpc.Handle(server, "OfferSecondFactor", s.OfferSecondFactor),
		rpc.Handle(server, "ConfirmSecondFactor", s.ConfirmSecondFactor),
		rpc.Handle(server, "RenewRecoveryCodes", s.RenewRecoveryCodes),
		rpc.Handle(server, "DropSecondFactor", s.DropSecondFactor),
		rpc.Handle(server, "ListUsers", s.ListUsers),
		rpc.Handle(server, "SetUserRole", s.SetUserRole),
		rpc.Handle(server, "DeactivateUser", s.DeactivateUser),
		rpc.Handle(server, "ReactivateUser", s.ReactivateUser),
		rpc.Handle(server, "CreateInvitation", s.CreateInvitation),
		rpc.Handle(server, "ListInvitations", s.ListInvitations),
		rpc.Handle(server, "RevokeInvitation", s.RevokeInvitation),
	)
}

// cleanEvery is how often what has expired is removed. Each instance does it, at its own time; it does no harm twice.
const cleanEvery = 10 * time.Minute

// CleanUp removes what has expired (links, invitations, API tokens, sessions) or is too old (counters, security events) until
// ctx ends.
func (s *Service) CleanUp(ctx context.Context) {
	for {
		_, expired := s.store.DeleteExpired(ctx, now())
		if err := errors.Join(expired, s.forgetSessions(ctx), s.forgetAttempts(ctx), s.forgetAudit(ctx)); err != nil && ctx.Err() == nil {
			s.log.Warn("what has expired is not all removed; trying again later", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(cleanEvery/2 + rand.N(cleanEvery)):
		}
	}
}
