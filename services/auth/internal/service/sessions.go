package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/subject"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	"github.com/natter-chat/natter/services/auth/internal/audit"
	"github.com/natter-chat/natter/services/auth/internal/refresh"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// SessionConfig is the settings of sessions.
type SessionConfig struct {
	TTL     time.Duration `env:"NATTER_SESSION_TTL" envDefault:"720h" help:"how long a session lasts that is not used"`
	PerUser int           `env:"NATTER_SESSIONS_PER_USER" envDefault:"100" help:"sessions of one user; one more ends the one that was used least recently"`
}

// Check returns an error that names the setting which cannot be.
func (c SessionConfig) Check(tokenTTL time.Duration) error {
	if c.TTL < tokenTTL {
		return fmt.Errorf("NATTER_SESSION_TTL: %v is less than NATTER_ACCESS_TOKEN_TTL", c.TTL)
	}
	if c.PerUser < 1 {
		return errors.New("NATTER_SESSIONS_PER_USER: at least 1")
	}
	return nil
}

const (
	// revokedFor is how long the access tokens of a revoked session are refused after they have expired: clocks differ.
	revokedFor = time.Minute
	// revokedPerPage keeps a page of ListRevoked, at some 100 bytes each, below what a reply may have.
	revokedPerPage = 1000
	// forgetAtOnce is how many old sessions one transaction removes.
	forgetAtOnce = 1000
)

var errEnded = fault.New(fault.Unauthenticated, "the session has ended: sign in again")

// now is the present as the database keeps it.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// IdentityOf is what the access token of a user says.
func IdentityOf(u user.User, session ids.Session, ttl time.Duration) authn.Identity {
	return authn.Identity{
		Caller:    authn.Caller{User: u.ID, Username: u.Username.Text, Avatar: u.Avatar, Email: u.Email.Text, Session: session},
		Roles:     []string{u.Role.String()},
		ExpiresAt: time.Now().Add(ttl),
	}
}

// signIn begins a session of a user who has proved who they are, and by what. Every way to sign in ends here; method says
// which one.
func (s *Service) signIn(ctx context.Context, u user.User, by store.Proof, method string) (*authv1.SignedIn, error) {
	if err := s.mayUse(u); err != nil {
		s.audit(ctx, audit.Event{Kind: audit.LoginFailed, User: u.ID, Actor: u.ID, Detail: method + ": " + fault.From(err).Message})
		return nil, err
	}
	token := refresh.New(ids.New[ids.Session]())
	began := now()
	ended, err := s.store.AddSession(ctx, store.Session{
		ID: token.Session, User: u.ID, Method: method, CreatedAt: began, Client: rpc.ClientOf(ctx), LastSeen: began,
		ExpiresAt: began.Add(s.sessions.TTL), Chain: refresh.Begin(token),
	}, by, s.sessions.PerUser)
	if err != nil {
		return nil, err
	}
	s.tellRevoked(u.ID, ended)
	s.audit(ctx, audit.Event{Kind: audit.LoginOK, User: u.ID, Actor: u.ID, Detail: method})
	return s.signedIn(u, token)
}

// signedIn is the answer to whoever may have the next tokens of a session.
func (s *Service) signedIn(u user.User, next refresh.Token) (*authv1.SignedIn, error) {
	access, err := s.keys.Sign(IdentityOf(u, next.Session, s.tokenTTL))
	if err != nil {
		return nil, fault.E(fault.Internal, "sign access token", err)
	}
	return &authv1.SignedIn{AccessToken: access, User: protoUser(u), RefreshToken: new(next.String())}, nil
}

// Refresh exchanges a refresh token. One that was used before ends the session: it or its successor has been stolen.
func (s *Service) Refresh(ctx context.Context, req *authv1.RefreshRequest) (in *authv1.SignedIn, err error) {
	settle, err := s.attempt(ctx, wrongRefresh, "")
	if err != nil {
		return nil, err
	}
	defer func() { settle(err) }()
	token, err := refresh.Parse(req.GetRefreshToken())
	if err != nil {
		return nil, err
	}
	if _, err := s.attempt(ctx, refreshing, token.Session.String()); err != nil {
		return nil, err
	}
	var next refresh.Token
	var refused error
	var owner ids.User
	err = s.store.ChangeSession(ctx, token.Session, func(is *store.Session) (err error) {
		at := now()
		owner, refused = is.User, nil
		if !is.IsLive(at) {
			return errEnded
		}
		next, err = is.Chain.Use(token, at)
		if errors.Is(err, refresh.ErrReused) {
			is.RevokedAt, refused = at, err
			return nil // and so it is stored
		}
		is.Client, is.LastSeen, is.ExpiresAt = rpc.ClientOf(ctx), at, at.Add(s.sessions.TTL)
		return err
	})
	if fault.CodeOf(err) == fault.NotFound {
		err = refresh.ErrUnknown
	}
	if err != nil {
		return nil, err
	}
	if refused != nil {
		s.tellRevoked(owner, []ids.Session{token.Session})
		s.audit(ctx, audit.Event{Kind: audit.RefreshTokenReused, User: owner, Detail: "session " + token.Session.String()})
		return nil, refused
	}
	u, err := s.store.UserByID(ctx, owner)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, errEnded
	}
	if err != nil {
		return nil, err
	}
	if u.State != user.Active { // the session began while the account was closed
		return nil, errEnded
	}
	return s.signedIn(u, next)
}

// Logout ends the session of a refresh token, or else the caller's. That there is none is no error: then it has ended.
func (s *Service) Logout(ctx context.Context, req *authv1.LogoutRequest) (*authv1.LogoutResponse, error) {
	owner, session, err := s.sessionByToken(ctx, req.GetRefreshToken())
	switch {
	case err != nil:
		return nil, err
	case session.IsZero() && req.GetEverywhere():
		return nil, fault.New(fault.Unauthenticated, "sign in first")
	case session.IsZero():
		return &authv1.LogoutResponse{}, nil
	case req.GetEverywhere():
		return &authv1.LogoutResponse{}, s.revoke(ctx, owner, ids.Session{})
	}
	if err := s.revokeOne(ctx, owner, session); err != nil && fault.CodeOf(err) != fault.NotFound {
		return nil, err
	}
	return &authv1.LogoutResponse{}, nil
}

// sessionByToken is the live session that a refresh token is of, used or not, or without one that of the caller; zero: none.
func (s *Service) sessionByToken(ctx context.Context, text string) (owner ids.User, session ids.Session, err error) {
	token, parseErr := refresh.Parse(text)
	if parseErr != nil {
		caller, _ := rpc.Caller(ctx)
		return caller.User, caller.Session, nil //nolint:nilerr // without a token it is about the caller's
	}
	err = s.store.ChangeSession(ctx, token.Session, func(is *store.Session) error {
		if is.IsLive(now()) && is.Chain.Has(token) {
			owner, session = is.User, is.ID
		}
		return nil
	})
	if fault.CodeOf(err) == fault.NotFound {
		err = nil
	}
	return owner, session, err
}

// ListSessions returns the caller's sessions.
func (s *Service) ListSessions(ctx context.Context, _ *authv1.ListSessionsRequest) (*authv1.ListSessionsResponse, error) {
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return nil, err
	}
	list, err := s.store.LiveSessions(ctx, caller.User, now())
	if err != nil {
		return nil, err
	}
	res := &authv1.ListSessionsResponse{}
	for _, is := range list {
		res.Sessions = append(res.Sessions, &authv1.Session{
			Id: is.ID.String(), Device: deviceOf(is.Client.UserAgent), UserAgent: is.Client.UserAgent, Address: is.Client.Address,
			Method: is.Method, CreatedAt: timestamppb.New(is.CreatedAt), LastSeen: timestamppb.New(is.LastSeen),
			ExpiresAt: timestamppb.New(is.ExpiresAt), Current: is.ID == caller.Session,
		})
	}
	return res, nil
}

// RevokeSession ends one of the caller's sessions; NotFound when it is not live.
func (s *Service) RevokeSession(ctx context.Context, req *authv1.RevokeSessionRequest) (*authv1.RevokeSessionResponse, error) {
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return nil, err
	}
	id, err := ids.ParseSession(req.GetSessionId())
	if err != nil {
		return nil, fault.Invalid("sessionId", "a session id is %v", err)
	}
	return &authv1.RevokeSessionResponse{}, s.revokeOne(ctx, caller.User, id)
}

// RevokeOtherSessions ends the caller's sessions but the one that asks.
func (s *Service) RevokeOtherSessions(ctx context.Context, _ *authv1.RevokeOtherSessionsRequest) (*authv1.RevokeOtherSessionsResponse, error) {
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return nil, err
	}
	return &authv1.RevokeOtherSessionsResponse{}, s.revoke(ctx, caller.User, caller.Session)
}

// revoke ends the sessions of a user, but the one excepted (zero: none is): their refresh tokens are void at once, and every
// gateway closes their connections and refuses their access tokens within a second.
func (s *Service) revoke(ctx context.Context, owner ids.User, except ids.Session) error {
	ended, err := s.store.RevokeSessions(ctx, owner, except, now())
	if err != nil || len(ended) == 0 {
		return err
	}
	s.tellRevoked(owner, ended)
	s.audit(ctx, audit.Event{Kind: audit.SessionsRevoked, User: owner, Detail: fmt.Sprintf("%d sessions", len(ended))})
	return nil
}

// revokeOne ends one session of a user; NotFound when it is not live.
func (s *Service) revokeOne(ctx context.Context, owner ids.User, session ids.Session) error {
	if err := s.store.RevokeSession(ctx, owner, session, now()); err != nil {
		return err
	}
	s.tellRevoked(owner, []ids.Session{session})
	s.audit(ctx, audit.Event{Kind: audit.SessionsRevoked, User: owner, Detail: "session " + session.String()})
	return nil
}

// tellRevoked publishes that sessions have ended. If the bus is away, gateways find them when they ask for what they have
// missed: see ListRevoked.
func (s *Service) tellRevoked(owner ids.User, ended []ids.Session) {
	s.publishRevoked(owner, ended, s.tokenTTL+revokedFor)
}

// tellEnded is tellRevoked for all that a change of an account has ended.
func (s *Service) tellEnded(owner ids.User, ended store.Ended) {
	s.tellRevoked(owner, ended.Sessions)
	for of, tokens := range ended.Tokens {
		s.tellTokensEnded(of, tokens)
	}
}

// publishRevoked tells gateways to close the connections of sessions or API tokens, and to refuse those for a while.
func (s *Service) publishRevoked(owner ids.User, ended []ids.Session, refused time.Duration) {
	if len(ended) == 0 {
		return
	}
	event := &busv1.SessionsRevoked{UserId: owner.String(), Until: timestamppb.New(time.Now().Add(refused))}
	for _, id := range ended {
		event.SessionIds = append(event.SessionIds, id.String())
	}
	s.publish(subject.SessionsRevoked, event)
}

// ListRevoked returns the sessions that ended before their time, for as long as access tokens of them are valid.
func (s *Service) ListRevoked(ctx context.Context, req *authv1.ListRevokedRequest) (*authv1.ListRevokedResponse, error) {
	var after ids.Session
	if text := req.GetAfter(); text != "" {
		var err error
		if after, err = ids.ParseSession(text); err != nil {
			return nil, fault.Invalid("after", "a session id is %v", err)
		}
	}
	remembered := s.tokenTTL + revokedFor
	list, err := s.store.SessionsRevokedSince(ctx, now().Add(-remembered), after, revokedPerPage)
	if err != nil {
		return nil, err
	}
	res := &authv1.ListRevokedResponse{More: len(list) == revokedPerPage}
	for _, is := range list {
		res.Revoked = append(res.Revoked, &busv1.SessionsRevoked{
			UserId: is.User.String(), SessionIds: []string{is.ID.String()}, Until: timestamppb.New(is.RevokedAt.Add(remembered)),
		})
	}
	return res, nil
}

// forgetSessions removes sessions that have ended and that no gateway asks for any more.
func (s *Service) forgetSessions(ctx context.Context) error {
	before := now().Add(-s.tokenTTL - 2*revokedFor)
	for {
		if n, err := s.store.ForgetSessions(ctx, before, forgetAtOnce); err != nil || n < forgetAtOnce {
			return err
		}
	}
}
