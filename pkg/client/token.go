package client

import (
	"context"
	"sync"

	"github.com/natter-chat/natter/pkg/fault"
)

// TokenSource returns a fresh access token. It is asked when there is none yet, when the one in use is about to expire,
// and once when the server refused it; never more than one call at a time. An Error with a code that time does not
// heal (unauthenticated, permission_denied, …) stops a Conn; any other is tried again.
type TokenSource func(ctx context.Context) (string, error)

// StaticToken always returns the same token.
func StaticToken(token string) TokenSource {
	return func(context.Context) (string, error) { return token, nil }
}

// PasswordToken signs in with e-mail and password each time a token is needed (about every ten minutes).
func PasswordToken(server, email, password string, opts Options) TokenSource {
	return func(ctx context.Context) (string, error) {
		c, err := New(server, Options{HTTP: opts.HTTP, Log: opts.Log})
		if err != nil {
			return "", err
		}
		signedIn, err := c.Login(ctx, email, password)
		return signedIn.GetAccessToken(), err
	}
}

// tokens keeps the token that HTTP and the live connection share.
type tokens struct {
	source TokenSource

	asking  chan struct{} // held while the source is asked, so that a context can stop the wait for it
	mu      sync.Mutex
	current string
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
