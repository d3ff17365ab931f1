package sso

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/natter-chat/natter/pkg/fault"
)

const (
	// leeway is by how much the clock of a provider may differ from ours.
	leeway = 30 * time.Second
	// maxConcurrent bounds the requests that wait for one provider at a time: one that hangs must not take all of auth's
	// handlers.
	maxConcurrent = 32
	// discoveryPause is how long after a failed discovery the next is tried: until then people are told at once.
	discoveryPause = 2 * time.Second
)

// Provider is one OpenID provider. It is safe for concurrent use.
type Provider struct {
	Name        string
	settings    Settings
	redirectURL string
	client      *http.Client
	slots       chan struct{} // maxConcurrent

	mu     sync.Mutex // held during discovery: those who come meanwhile wait for its outcome
	found  *discovered
	failed error
	retry  time.Time
}

// discovered is what a provider says of itself; go-oidc caches its keys and fetches them again for an unknown one.
type discovered struct {
	*oidc.Provider
	verifier     *oidc.IDTokenVerifier
	namesItself  bool // in answers, by the parameter iss (RFC 9207)
	hasUserInfo  bool
	oauth2Config oauth2.Config
}

// Claims is what a provider vouches for.
type Claims struct {
	// Issuer and Subject are who it is, for good.
	Issuer, Subject string
	// Email may be empty. EmailVerified: the provider has made sure that it is theirs.
	Email         string
	EmailVerified bool
	// Username and Name are what they may want to be called.
	Username, Name string
}

// Errors of people who come back from a provider. What was wrong exactly is in the log.
var (
	errDown     = fault.New(fault.Unavailable, "the sign-in provider does not answer; try again later").WithRetryAfter(discoveryPause)
	errBusy     = fault.New(fault.Unavailable, "too many people sign in with this provider right now; try again").WithRetryAfter(discoveryPause)
	errNotToken = fault.New(fault.Unauthenticated, "the sign-in provider's answer is not valid; sign in again")
)

// DisplayName is the provider's name for people.
func (p *Provider) DisplayName() string { return p.settings.DisplayName }

// AuthURL is where a browser goes to sign in. Errors: Unavailable when the provider cannot be discovered.
func (p *Provider) AuthURL(ctx context.Context, state, nonce, pkceVerifier string) (string, error) {
	leave, err := p.enter()
	if err != nil {
		return "", err
	}
	defer leave()
	d, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	return d.oauth2Config.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(pkceVerifier)), nil
}

// Finish turns the code that a browser came back with into claims. issuer is the parameter iss of that request, if any.
// Errors: Unauthenticated when anything about the answer or the ID token is not as it must be, Unavailable when the
// provider does not answer.
func (p *Provider) Finish(ctx context.Context, code, issuer, nonce, pkceVerifier string) (Claims, error) {
	leave, err := p.enter()
	if err != nil {
		return Claims{}, err
	}
	defer leave()
	d, err := p.discover(ctx)
	if err != nil {
		return Claims{}, err
	}
	// RFC 9207: a code of another provider must not reach this one's token endpoint, nor the other way round.
	if (issuer != "" || d.namesItself) && issuer != p.settings.Issuer {
		return Claims{}, errNotToken.WithCause("check iss", fmt.Errorf("the answer is of %q, not of %q", issuer, p.settings.Issuer))
	}
	ctx = oidc.ClientContext(ctx, p.client)
	token, err := d.oauth2Config.Exchange(ctx, code, oauth2.VerifierOption(pkceVerifier))
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.Response.StatusCode < http.StatusInternalServerError {
		// Its error text may hold what we sent: only the code is logged.
		return Claims{}, errNotToken.WithCause("exchange code", fmt.Errorf("status %d, %q", refused.Response.StatusCode, refused.ErrorCode))
	}
	if err != nil {
		return Claims{}, errDown.WithCause("exchange code", err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return Claims{}, errNotToken.WithCause("exchange code", errors.New("the answer has no id_token"))
	}
	idToken, c, err := p.verify(ctx, d, raw)
	if err != nil {
		return Claims{}, err
	}
	if subtle.ConstantTimeCompare([]byte(idToken.Nonce), []byte(nonce)) != 1 {
		return Claims{}, errNotToken.WithCause("verify ID token", errors.New("its nonce is not that of this sign-in"))
	}
	if c.Email == "" && d.hasUserInfo {
		err = p.askUserInfo(ctx, d, token, &c)
	}
	return c.claims(p.settings), err
}

// VerifyIDToken checks an ID token that a client got from the provider by itself. Errors: as of Finish.
func (p *Provider) VerifyIDToken(ctx context.Context, raw string) (Claims, error) {
	leave, err := p.enter()
	if err != nil {
		return Claims{}, err
	}
	defer leave()
	d, err := p.discover(ctx)
	if err != nil {
		return Claims{}, err
	}
	_, c, err := p.verify(oidc.ClientContext(ctx, p.client), d, raw)
	return c.claims(p.settings), err
}

// enter takes a place among those who wait for the provider, without waiting for one.
func (p *Provider) enter() (leave func(), err error) {
	select {
	case p.slots <- struct{}{}:
		return func() { <-p.slots }, nil
	default:
		return nil, errBusy
	}
}

// verify checks signature, issuer, audience and times. Algorithms are those the provider announces, of the asymmetric
// ones; none and HMAC are never among them.
func (p *Provider) verify(ctx context.Context, d *discovered, raw string) (*oidc.IDToken, claims, error) {
	token, err := d.verifier.Verify(ctx, raw)
	var c claims
	if err == nil {
		err = token.Claims(&c)
	}
	now := time.Now()
	switch {
	case err != nil:
	case token.Subject == "":
		err = errors.New("no subject")
	case token.IssuedAt.After(now.Add(leeway)):
		err = errors.New("issued in the future")
	case len(token.Audience) > 1 && c.AuthorizedParty != p.settings.ClientID:
		err = errors.New("made for several clients, and for another one of them")
	}
	if err != nil {
		return nil, claims{}, errNotToken.WithCause("verify ID token", err)
	}
	return token, c, nil
}

// askUserInfo asks for an e-mail address that the ID token does not have: many providers keep it short.
func (p *Provider) askUserInfo(ctx context.Context, d *discovered, token *oauth2.Token, c *claims) error {
	info, err := d.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return errDown.WithCause("ask for user info", err)
	}
	// The access token may be of somebody else than the ID token (OpenID Connect Core 5.3.2).
	if info.Subject != c.Subject {
		return errNotToken.WithCause("ask for user info", errors.New("it is about somebody else"))
	}
	var more claims
	if err := info.Claims(&more); err != nil {
		return errNotToken.WithCause("ask for user info", err)
	}
	more.Issuer = c.Issuer
	*c = more
	return nil
}

// claims are those of an ID token and of user info that we read.
type claims struct {
	Issuer            string  `json:"iss"`
	Subject           string  `json:"sub"`
	AuthorizedParty   string  `json:"azp"`
	Email             string  `json:"email"`
	EmailVerified     boolean `json:"email_verified"`
	PreferredUsername string  `json:"preferred_username"`
	Name              string  `json:"name"`
}

// claims names the issuer as the settings do: Google leaves out https:// at times, and identities are found by it.
func (c claims) claims(s Settings) Claims {
	return Claims{
		Issuer: s.Issuer, Subject: c.Subject, Email: c.Email, EmailVerified: bool(c.EmailVerified) || s.TrustEmail,
		Username: c.PreferredUsername, Name: c.Name,
	}
}

// boolean is true, or "true" as some providers write it. Anything else is false: not verified.
type boolean bool

func (b *boolean) UnmarshalJSON(text []byte) error {
	*b = string(text) == "true" || string(text) == `"true"`
	return nil
}

// discover returns what the provider says of itself, asking it once.
func (p *Provider) discover(ctx context.Context) (*discovered, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if time.Now().Before(p.retry) {
		return nil, errDown.WithCause("discovery", p.failed)
	}
	// Whoever comes first may give up; the others still want the answer.
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), p.client)
	provider, err := oidc.NewProvider(ctx, p.settings.Issuer)
	var more struct {
		NamesItself bool   `json:"authorization_response_iss_parameter_supported"`
		UserInfo    string `json:"userinfo_endpoint"`
	}
	if err == nil {
		err = provider.Claims(&more)
	}
	if err != nil {
		p.failed, p.retry = err, time.Now().Add(discoveryPause)
		return nil, errDown.WithCause("discovery", err)
	}
	p.found = &discovered{
		Provider: provider,
		verifier: provider.VerifierContext(ctx, &oidc.Config{
			ClientID: p.settings.ClientID, Now: func() time.Time { return time.Now().Add(-leeway) },
		}),
		namesItself: more.NamesItself, hasUserInfo: more.UserInfo != "",
		oauth2Config: oauth2.Config{
			ClientID: p.settings.ClientID, ClientSecret: p.settings.ClientSecret, Endpoint: provider.Endpoint(),
			RedirectURL: p.redirectURL, Scopes: p.settings.Scopes,
		},
	}
	return p.found, nil
}
