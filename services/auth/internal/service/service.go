// Package service answers the rpc methods of auth (proto/natter/auth/v1): the one place that knows what registering and
// signing in mean. Passwords, keys and storage are packages of their own.
package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/obs"
	"github.com/natter-chat/natter/pkg/rpc"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/auth/internal/audit"
	"github.com/natter-chat/natter/services/auth/internal/keys"
	"github.com/natter-chat/natter/services/auth/internal/mail"
	"github.com/natter-chat/natter/services/auth/internal/password"
	"github.com/natter-chat/natter/services/auth/internal/secret"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// Name is the service's name on the bus.
const Name = "auth"

// methodPassword is the method of a session that began with a password.
const methodPassword = "password"

// Outcomes of a sign-in, as the metric has them.
const (
	outcomeOK       = "ok"
	outcomeRejected = "rejected" // wrong e-mail address or password
	outcomeTooOften = "too_often"
	outcomeError    = "error" // overload, or a part of auth does not work
)

// Service is safe for concurrent use.
type Service struct {
	store     store.Store
	passwords *password.Hasher
	keys      *keys.Ring
	tokenTTL  time.Duration
	sessions  SessionConfig
	accounts  AccountsConfig
	auditing  AuditConfig
	mail      *mail.Mailer
	publicURL string
	// secondFactors encrypts their secrets.
	secondFactors secret.Box
	bus           *nats.Conn
	logins        *prometheus.CounterVec
	throttled     *prometheus.CounterVec
	log           *slog.Logger
}

// Deps is what the service works with.
type Deps struct {
	Store     store.Store
	Passwords *password.Hasher
	Keys      *keys.Ring
	TokenTTL  time.Duration // of access tokens
	Sessions  SessionConfig
	Accounts  AccountsConfig
	Audit     AuditConfig
	Mail      *mail.Mailer
	PublicURL string // where people reach the server; empty: on this machine
	Secret    secret.Key
	Bus       *nats.Conn
	Log       *slog.Logger
	Metrics   prometheus.Registerer
}

// New returns the service.
func New(d Deps) (*Service, error) {
	logins, err := obs.Register(d.Metrics, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "natter_auth_logins_total", Help: "Sign-ins with e-mail and password, by outcome.",
	}, []string{"outcome"}))
	if err != nil {
		return nil, fmt.Errorf("auth metrics: %w", err)
	}
	for _, outcome := range []string{outcomeOK, outcomeRejected, outcomeTooOften, outcomeError} {
		logins.WithLabelValues(outcome) // shown as 0 before the first
	}
	throttled, err := obs.Register(d.Metrics, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "natter_auth_throttled_total", Help: "Attempts refused because there had been too many, by action.",
	}, []string{"action"}))
	if err != nil {
		return nil, fmt.Errorf("auth metrics: %w", err)
	}
	secondFactors, err := d.Secret.Box(secondFactorPurpose)
	if err != nil {
		return nil, err
	}
	return &Service{
		accounts: d.Accounts, auditing: d.Audit, mail: d.Mail, publicURL: d.PublicURL, secondFactors: secondFactors,
		store: d.Store, passwords: d.Passwords, keys: d.Keys, tokenTTL: d.TokenTTL, sessions: d.Sessions, bus: d.Bus,
		logins: logins, throttled: throttled, log: d.Log,
	}, nil
}

// Serve adds the methods to the bus.
func (s *Service) Serve(server *rpc.Server) error {
	return errors.Join(
		rpc.Handle(server, "Register", s.Register),
		rpc.Handle(server, "Login", s.Login),
		rpc.Handle(server, "GetMe", s.GetMe),
		rpc.Handle(server, "Refresh", s.Refresh),
		rpc.Handle(server, "Logout", s.Logout),
		rpc.Handle(server, "ListSessions", s.ListSessions),
		rpc.Handle(server, "RevokeSession", s.RevokeSession),
		rpc.Handle(server, "RevokeOtherSessions", s.RevokeOtherSessions),
		rpc.Handle(server, "ListRevoked", s.ListRevoked),
		rpc.Handle(server, "GetKeys", s.GetKeys),
		rpc.Handle(server, "GetUsers", s.GetUsers),
		rpc.Handle(server, "FindUsers", s.FindUsers),
		rpc.Handle(server, "ListPeople", s.ListPeople),
		s.serveAccounts(server),
		s.serveTokens(server),
		s.serveStandings(server),
	)
}

// Register creates an account and signs it in. Errors: InvalidArgument or AlreadyExists with the field.
func (s *Service) Register(ctx context.Context, req *authv1.RegisterRequest) (in *authv1.SignedIn, err error) {
	email, err := user.ParseEmail(req.GetEmail())
	if err != nil {
		return nil, err
	}
	username, err := user.ParseUsername(req.GetUsername())
	if err != nil {
		return nil, err
	}
	if err := user.CheckPassword("password", req.GetPassword(), email, username); err != nil {
		return nil, err
	}
	limits := register
	limits.address.Free = s.accounts.PerAddress
	settle, err := s.attempt(ctx, limits, email.Key)
	if err != nil {
		return nil, err
	}
	defer func() { settle(err) }()
	hash, err := s.passwords.Hash(ctx, req.GetPassword())
	if err != nil {
		return nil, err
	}
	u := user.User{
		ID: ids.New[ids.User](), Email: email, Username: username, PasswordHash: hash,
		CreatedAt: now(),
	}
	if u, err = s.signUp(ctx, u, req.GetInvitation()); err != nil {
		return nil, err
	}
	if fault.CodeOf(s.mayUse(u)) == fault.EmailNotVerified { // the account is made; what is in the mail opens it
		return &authv1.SignedIn{User: protoUser(u)}, nil
	}
	return s.signIn(ctx, u, store.Proof{PasswordHash: u.PasswordHash}, methodPassword)
}

// Login signs in. Which of the two is wrong, the error does not say, and neither does the time it takes.
func (s *Service) Login(ctx context.Context, req *authv1.LoginRequest) (*authv1.SignedIn, error) {
	in, err := s.login(ctx, req)
	outcome := outcomeOK
	switch fault.CodeOf(err) {
	case "":
	case fault.Unauthenticated:
		outcome = outcomeRejected
	case fault.ResourceExhausted:
		outcome = outcomeTooOften
	default:
		outcome = outcomeError
	}
	s.logins.WithLabelValues(outcome).Inc()
	return in, err
}

func (s *Service) login(ctx context.Context, req *authv1.LoginRequest) (in *authv1.SignedIn, err error) {
	var u user.User // stays empty for an address that nobody has, or could have
	email, parseErr := user.ParseEmail(req.GetEmail())
	settle, err := s.attempt(ctx, login, cmp.Or(email.Key, req.GetEmail()))
	if err != nil {
		return nil, err
	}
	defer func() { settle(err) }()
	if parseErr == nil {
		if u, err = s.store.UserByEmail(ctx, email.Key); err != nil && fault.CodeOf(err) != fault.NotFound {
			return nil, err
		}
	}
	ok, err := s.passwords.Verify(ctx, req.GetPassword(), u.PasswordHash)
	if err != nil {
		return nil, err
	}
	if !ok {
		s.audit(ctx, audit.Event{Kind: audit.LoginFailed, User: u.ID, Detail: "wrong password, or no such account"})
		return nil, fault.New(fault.Unauthenticated, "wrong e-mail address or password")
	}
	if err := s.checkSecondFactor(ctx, u, req.GetCode()); err != nil {
		return nil, err
	}
	if in, err = s.signIn(ctx, u, store.Proof{PasswordHash: u.PasswordHash}, methodPassword); err == nil {
		s.rehash(ctx, u, req.GetPassword())
	}
	return in, err
}

// rehash replaces a hash that is cheaper than the settings want by now: only at a sign-in is the password known. That
// failing, the next one does it.
func (s *Service) rehash(ctx context.Context, u user.User, password string) {
	if !s.passwords.IsCheap(u.PasswordHash) {
		return
	}
	hash, err := s.passwords.Hash(ctx, password)
	if err == nil {
		_, err = s.store.UpdateUser(ctx, u.ID, func(is *user.User) error {
			if is.PasswordHash == u.PasswordHash { // else it has been changed meanwhile
				is.PasswordHash = hash
			}
			return nil
		})
	}
	if err != nil {
		s.log.Warn("password not hashed anew", "error", err)
	}
}

// GetMe returns the caller as stored now; the token may be older.
func (s *Service) GetMe(ctx context.Context, _ *authv1.GetMeRequest) (*chatv1.User, error) {
	u, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	return protoUser(u), nil
}

// GetKeys returns the public keys of access tokens.
func (s *Service) GetKeys(context.Context, *authv1.GetKeysRequest) (*authv1.GetKeysResponse, error) {
	return &authv1.GetKeysResponse{Jwks: s.keys.JWKS()}, nil
}

func protoUser(u user.User) *chatv1.User {
	return &chatv1.User{Id: u.ID.String(), Email: u.Email.Text, Username: u.Username.Text, Avatar: u.Avatar, IsBot: u.IsBot()}
}
