package client

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
)

// SignOn signs this client in through one of the server's OpenID providers (ListProviders), as RFC 8252 says a native client
// should: open is given a URL to show in the system's browser, which comes back to a port of this machine that is open until
// then. invitation is the code of one, or empty. If the provider or the server refuses, the browser says so, and SignOn waits
// until ctx ends: give the user a way to give up.
func (c *Client) SignOn(ctx context.Context, provider, invitation string, open func(url string) error) (*authv1.SignedIn, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the browser: %w", err)
	}
	path, verifier := "/"+rand.Text(), rand.Text()+rand.Text()
	codes := make(chan string, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		select {
		case codes <- r.URL.Query().Get("code"):
		default: // the browser loads the page again
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("You can close this page and go back to the program.\n")) // fails when the browser is gone
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) }) // ends with Close
	defer func() {
		answered, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = server.Shutdown(answered) // the page is on its way
		_ = server.Close()
		serving.Wait()
	}()

	challenge := sha256.Sum256([]byte(verifier))
	query := url.Values{
		"returnTo":      {"http://" + listener.Addr().String() + path},
		"codeChallenge": {base64.RawURLEncoding.EncodeToString(challenge[:])},
	}
	if invitation != "" {
		query.Set("invitation", invitation)
	}
	at := c.base.JoinPath("auth", "sso", provider)
	at.RawQuery = query.Encode()
	if err := open(at.String()); err != nil {
		return nil, fmt.Errorf("open the browser: %w", err)
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case code := <-codes:
		return c.SignIn(ctx, &authv1.ExchangeCodeRequest{Code: code, CodeVerifier: verifier})
	}
}
