package service

import (
	"context"
	"errors"
	"net/url"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	"github.com/natter-chat/natter/services/auth/internal/audit"
	"github.com/natter-chat/natter/services/auth/internal/sso"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

// SingleSignOn answers the methods of single sign-on: it brings people to a provider and back, and finds or makes the
// account that belongs to who they are there (see sso_accounts.go). It is safe for concurrent use.
type SingleSignOn struct {
	*Service
	providers *sso.Providers
	sealer    sso.Sealer
}

// NewSingleSignOn returns the service; sealer encrypts what browsers carry while they are at a provider.
func NewSingleSignOn(s *Service, providers *sso.Providers, sealer sso.Sealer) *SingleSignOn {
	return &SingleSignOn{Service: s, providers: providers, sealer: sealer}
}

// Serve adds the methods to the bus.
func (s *SingleSignOn) Serve(server *rpc.Server) error {
	return errors.Join(
		rpc.Handle(server, "ListProviders", s.ListProviders),
		rpc.Handle(server, "BeginSignOn", s.BeginSignOn),
		rpc.Handle(server, "FinishSignOn", s.FinishSignOn),
		rpc.Handle(server, "ExchangeCode", s.ExchangeCode),
		rpc.Handle(server, "GoogleLogin", s.GoogleLogin),
		rpc.Handle(server, "ListIdentities", s.ListIdentities),
		rpc.Handle(server, "RemoveIdentity", s.RemoveIdentity),
	)
}

// Errors of people who come back from a provider. What was wrong exactly is in the log.
var (
	errNoProvider = fault.New(fault.NotFound, "one cannot sign in here with this provider")
	// errAttempt says what an honest user can do: they took too long, came back twice, or in another browser.
	errAttempt  = fault.New(fault.Unauthenticated, "this sign-in cannot be finished (any more); begin it again")
	errExchange = fault.New(fault.Unauthenticated, "this code is not valid (any more); sign in again")
	errRefused  = fault.New(fault.PermissionDenied, "the provider did not sign you in")
	errSession  = fault.New(fault.Unauthenticated, "the session that began to link this account has ended; sign in again")
)

// ListProviders returns the providers of the settings.
func (s *SingleSignOn) ListProviders(context.Context, *authv1.ListProvidersRequest) (*authv1.ListProvidersResponse, error) {
	res := &authv1.ListProvidersResponse{}
	for _, p := range s.providers.All() {
		res.Providers = append(res.Providers, &authv1.Provider{Name: p.Name, DisplayName: p.DisplayName(), Url: "/auth/sso/" + p.Name})
	}
	return res, nil
}

// BeginSignOn says where to send a browser. Errors: NotFound for an unknown provider, InvalidArgument, Unauthenticated
// when the caller is needed and there is none, Unavailable when the provider is down.
func (s *SingleSignOn) BeginSignOn(ctx context.Context, req *authv1.BeginSignOnRequest) (*authv1.BeginSignOnResponse, error) {
	provider := s.providers.Find(req.GetProvider())
	if provider == nil {
		return nil, errNoProvider
	}
	returnTo, err := sso.ParseReturn(req.GetReturnTo(), req.GetCodeChallenge())
	if err != nil {
		return nil, err
	}
	if len(req.GetInvitation()) > sso.MaxInvitation {
		return nil, store.ErrNotInvited
	}
	a := sso.NewAttempt(provider.Name, returnTo, req.GetCodeChallenge())
	a.Invitation = req.GetInvitation()
	if req.GetLink() {
		caller, err := rpc.Caller(ctx)
		if err != nil {
			return nil, err
		}
		a.Link, a.Session = caller.User, caller.Session
	}
	to, err := provider.AuthURL(ctx, a.ID, a.Nonce, a.Verifier)
	if err != nil {
		return nil, err
	}
	sealed, err := s.sealer.SealAttempt(a)
	if err != nil {
		return nil, fault.E(fault.Internal, "seal attempt", err)
	}
	return &authv1.BeginSignOnResponse{
		Url: to, State: a.ID, Attempt: sealed, AttemptSeconds: uint32(sso.AttemptTTL.Seconds()),
	}, nil
}

// FinishSignOn ends an attempt, whatever comes of it. Errors: Unauthenticated when the attempt is not this browser's, is
// too old or was used, or when the provider's answer is not valid; PermissionDenied when the provider or we refuse.
func (s *SingleSignOn) FinishSignOn(ctx context.Context, req *authv1.FinishSignOnRequest) (*authv1.FinishSignOnResponse, error) {
	a, err := s.openAttempt(ctx, req)
	if err != nil {
		return nil, err
	}
	provider := s.providers.Find(a.Provider)
	switch {
	case provider == nil:
		return nil, errNoProvider
	case req.GetError() != "":
		return nil, errRefused.WithCause("provider", errors.New(req.GetError()))
	}
	claims, err := provider.Finish(ctx, req.GetCode(), req.GetIss(), a.Nonce, a.Verifier)
	if err != nil {
		s.audit(ctx, audit.Event{Kind: audit.LoginFailed, Detail: provider.Name + ": " + fault.From(err).Message})
		return nil, err
	}
	if !a.Link.IsZero() {
		return &authv1.FinishSignOnResponse{Url: a.ReturnTo}, s.link(ctx, a, claims)
	}
	u, identity, err := s.accountOf(ctx, provider, claims, a.Invitation)
	if err != nil {
		return nil, err
	}
	if a.Challenge != "" {
		to, err := s.withCode(a.ReturnTo, sso.NewCode(u.ID, identity.ID, provider.Name, a.Challenge))
		return &authv1.FinishSignOnResponse{Url: to}, err
	}
	in, err := s.signIn(ctx, u, store.Proof{Identity: identity.ID}, provider.Name)
	return &authv1.FinishSignOnResponse{Url: a.ReturnTo, SignedIn: in}, err
}

// openAttempt checks that the browser is the one that began, and uses the attempt up.
func (s *SingleSignOn) openAttempt(ctx context.Context, req *authv1.FinishSignOnRequest) (sso.Attempt, error) {
	a, err := s.sealer.OpenAttempt(req.GetAttempt())
	switch {
	case err != nil:
		return a, errAttempt.WithCause("open attempt", err)
	case a.ID != req.GetState():
		return a, errAttempt.WithCause("open attempt", errors.New("the state is that of another browser"))
	case a.Provider != req.GetProvider():
		return a, errAttempt.WithCause("open attempt", errors.New("it was begun with another provider"))
	}
	return a, s.useOnce(ctx, a.ID, a.Expires, errAttempt)
}

// useOnce answers again for an id that was used. It is remembered a little longer than it is good: clocks differ.
func (s *SingleSignOn) useOnce(ctx context.Context, id string, expires time.Time, again *fault.Fault) error {
	const margin = 5 * time.Minute
	err := s.store.UseOnce(ctx, id, expires.Add(margin).UTC().Truncate(time.Millisecond), now())
	if fault.CodeOf(err) == fault.AlreadyExists {
		return again.WithCause("use once", err)
	}
	return err
}

// withCode adds a code to the address of a native client's listener.
func (s *SingleSignOn) withCode(to string, c sso.Code) (string, error) {
	u, err := url.Parse(to)
	if err != nil {
		return "", fault.E(fault.Internal, "parse return", err)
	}
	code, err := s.sealer.SealCode(c)
	if err != nil {
		return "", fault.E(fault.Internal, "seal code", err)
	}
	query := u.Query()
	query.Set("code", code)
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// ExchangeCode signs in a native client. Errors: Unauthenticated when the code is not valid (any more), or not this
// client's.
func (s *SingleSignOn) ExchangeCode(ctx context.Context, req *authv1.ExchangeCodeRequest) (*authv1.SignedIn, error) {
	c, err := s.sealer.OpenCode(req.GetCode())
	if err != nil {
		return nil, errExchange.WithCause("open code", err)
	}
	if !c.MayUse(req.GetCodeVerifier()) {
		return nil, errExchange.WithCause("open code", errors.New("the code verifier does not fit"))
	}
	if err := s.useOnce(ctx, c.ID, c.Expires, errExchange); err != nil {
		return nil, err
	}
	u, err := s.activeUser(ctx, c.User)
	if err != nil {
		return nil, err
	}
	in, err := s.signIn(ctx, u, store.Proof{Identity: c.Identity}, c.Provider)
	if errors.Is(err, store.ErrProof) { // unlinked meanwhile: by its user, or because the account turned out to be somebody else's
		return nil, errExchange.WithCause("sign in", err)
	}
	return in, err
}

// GoogleLogin signs in with an ID token that a client got from Google by itself, for our client id. Errors: NotFound when
// Google is not in the settings; those of FinishSignOn.
func (s *SingleSignOn) GoogleLogin(ctx context.Context, req *authv1.GoogleLoginRequest) (*authv1.SignedIn, error) {
	google := s.providers.Find(sso.Google)
	if google == nil {
		return nil, errNoProvider
	}
	if req.GetIdToken() == "" {
		return nil, fault.Invalid("idToken", "the ID token of Google is missing; an access token proves nothing here")
	}
	claims, err := google.VerifyIDToken(ctx, req.GetIdToken())
	if err != nil {
		s.audit(ctx, audit.Event{Kind: audit.LoginFailed, Detail: "google-login: " + fault.From(err).Message})
		return nil, err
	}
	u, identity, err := s.accountOf(ctx, google, claims, req.GetInvitation())
	if err != nil {
		return nil, err
	}
	return s.signIn(ctx, u, store.Proof{Identity: identity.ID}, sso.Google)
}

// ListIdentities returns those of the caller.
func (s *SingleSignOn) ListIdentities(ctx context.Context, _ *authv1.ListIdentitiesRequest) (*authv1.ListIdentitiesResponse, error) {
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return nil, err
	}
	identities, err := s.store.IdentitiesOf(ctx, caller.User)
	if err != nil {
		return nil, err
	}
	res := &authv1.ListIdentitiesResponse{}
	for _, i := range identities {
		res.Identities = append(res.Identities, &authv1.Identity{
			Id: i.ID.String(), Provider: s.providers.NameOf(i.Issuer), Issuer: i.Issuer, Email: i.Email, CreatedAt: timestamppb.New(i.CreatedAt),
		})
	}
	return res, nil
}

// RemoveIdentity unlinks one of the caller's. Errors: NotFound, and Conflict when it is the last way in.
func (s *SingleSignOn) RemoveIdentity(ctx context.Context, req *authv1.RemoveIdentityRequest) (*authv1.RemoveIdentityResponse, error) {
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return nil, err
	}
	id, err := ids.ParseIdentity(req.GetIdentityId())
	if err != nil {
		return nil, fault.New(fault.NotFound, "this is no identity of yours")
	}
	if err := s.store.RemoveIdentity(ctx, caller.User, id); err != nil {
		return nil, err
	}
	s.audit(ctx, audit.Event{Kind: audit.IdentityUnlinked, User: caller.User})
	return &authv1.RemoveIdentityResponse{}, nil
}
