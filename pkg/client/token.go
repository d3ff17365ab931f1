package client

import (
	"context"
	"sync"

	"github.com/natter-chat/natter/pkg/fault"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
)

// TokenSource returns a fresh access token. It is asked when there is none yet, when the one in use is about to expire,
// and once when the server refused it; never more than one call at a time. An Error with a code that time does not
// heal (unauthenticated, permission_denied, …) stops a Conn; any other is tried again.
type TokenSource func(ctx context.Context) (string, error)

// StaticToken always returns the same token.
func StaticToken(token string) TokenSource {
	return func(context.Context) (string, error) { return token, nil }
}

// PasswordToken signs in with e-mail and password, and goes on in that session: with the password again only when it has
// ended.
func PasswordToken(server, email, password string, opts Options) TokenSource {
	c, err := New(server, Options{HTTP: opts.HTTP, Log: opts.Log})
	if err != nil {
		return func(context.Context) (string, error) { return "", err }
	}
	c.tokens.source = func(ctx context.Context) (string, error) {
		signedIn, err := c.Login(ctx, email, password)
		return signedIn.GetAccessToken(), err
	}
	return func(ctx context.Context) (string, error) { return c.tokens.refresh(ctx, c.tokens.peek()) }
}

// tokens keeps the token that HTTP and the live connection share.
type tokens struct {
	source TokenSource
	// renew exchanges a refresh token.
	renew func(ctx context.Context, refreshToken string) (*authv1.SignedIn, error)

	asking  chan struct{} // held while the source is asked, so that a context can stop the wait for it
	mu      sync.Mutex
	current string
	session string // the refresh token, if there is one
}

func newTokens(source TokenSource) *tokens {
	return &tokens{source: source, asking: make(chan struct{}, 1)}
}

func (t *tokens) peek() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.current
}

func (t *tokens) set(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current = token
}

// begin goes on with the tokens of a session.
func (t *tokens) begin(in *authv1.SignedIn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current, t.session = in.GetAccessToken(), in.GetRefreshToken()
}

func (t *tokens) refreshToken() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.session
}

// canRefresh reports whether there is another token to be had.
func (t *tokens) canRefresh() bool { return t.source != nil || t.refreshToken() != "" }

// get returns the token in use, or asks for the first one.
func (t *tokens) get(ctx context.Context) (string, error) {
	if token := t.peek(); token != "" {
		return token, nil
	}
	return t.refresh(ctx, "")
}

// refresh returns a token other than stale: one that somebody else got meanwhile, or a fresh one.
func (t *tokens) refresh(ctx context.Context, stale string) (string, error) {
	select {
	case t.asking <- struct{}{}:
		defer func() { <-t.asking }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if token := t.peek(); token != stale {
		return token, nil
	}
	if session := t.refreshToken(); session != "" {
		in, err := t.renew(ctx, session)
		if err == nil {
			t.begin(in)
			return in.GetAccessToken(), nil
		}
		if fault.CodeOf(err) != fault.Unauthenticated {
			return "", err // the answer may be lost: the same token is good again
		}
		t.begin(&authv1.SignedIn{AccessToken: stale}) // the session has ended
	}
	if t.source == nil {
		return "", fault.New(fault.Unauthenticated, "there is no valid token: sign in with Login, or set Options.Token")
	}
	token, err := t.source(ctx)
	if err != nil {
		return "", err
	}
	t.set(token)
	return token, nil
}
