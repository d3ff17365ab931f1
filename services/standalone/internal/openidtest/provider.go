// Package openidtest is an OpenID provider for tests: a real one (github.com/zitadel/oidc), on a port of its own, whose
// users sign in without being asked, and whose ID tokens can be tampered with as an attacker or a broken provider would.
package openidtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// The client that Natter is at the provider.
const (
	ClientID     = "natter"
	ClientSecret = "hunter2"
)

const keyID = "openidtest"

// User is somebody at the provider.
type User struct {
	Subject, Email, Username string
	EmailVerified            bool
}

// Token is an ID token before it is signed.
type Token struct {
	// Algorithm is RS256 unless it is changed to none, or to HS256 with the client's secret.
	Algorithm string
	Claims    map[string]any
	// Key signs RS256; another than the provider's is a forgery.
	Key *rsa.PrivateKey
}

// Provider is a running provider. It is safe for concurrent use.
type Provider struct {
	// URL is its issuer.
	URL string
	key *rsa.PrivateKey

	mu       sync.Mutex
	user     User
	users    map[string]User // by subject
	tamper   func(*Token)
	requests map[string]*authRequest // by id
	codes    map[string]string       // code → id
	callback string                  // the redirect URI of the client
}

// Start runs a provider until tb ends. Its client has no redirect URI until Register.
func Start(tb testing.TB) *Provider {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	p := &Provider{
		URL: "http://" + server.Listener.Addr().String(), key: key,
		users: map[string]User{}, requests: map[string]*authRequest{}, codes: map[string]string{},
	}
	config := &op.Config{CodeMethodS256: true, AuthMethodPost: true, SupportedScopes: []string{"openid", "email", "profile"}}
	_, _ = rand.Read(config.CryptoKey[:])
	provider, err := op.NewProvider(config, storage{p: p}, op.StaticIssuer(p.URL), op.WithAllowInsecure())
	if err != nil {
		tb.Fatal(err)
	}
	callbackURL := op.AuthCallbackURL(provider)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		id := r.FormValue("id")
		p.signIn(id)
		http.Redirect(w, r, callbackURL(op.ContextWithIssuer(r.Context(), p.URL), id), http.StatusFound)
	})
	mux.Handle("POST /oauth/token", p.tampering(provider))
	mux.Handle("/", provider)
	server.Config.Handler = mux
	server.Start()
	tb.Cleanup(server.Close)
	return p
}

// Register sets the redirect URI of the client.
func (p *Provider) Register(callback string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.callback = callback
}

// SignInAs makes u the one who signs in from now on.
func (p *Provider) SignInAs(u User) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.user = u
	p.users[u.Subject] = u
}

// Tamper changes the ID tokens of the token endpoint from now on; nil ends it.
func (p *Provider) Tamper(change func(*Token)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tamper = change
}

// IDToken is what a client of its own gets for u: change may tamper with it.
func (p *Provider) IDToken(tb testing.TB, u User, change func(*Token)) string {
	tb.Helper()
	t := Token{Algorithm: string(jose.RS256), Key: p.key, Claims: map[string]any{
		"iss": p.URL, "sub": u.Subject, "aud": ClientID, "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
		"email": u.Email, "email_verified": u.EmailVerified, "preferred_username": u.Username,
	}}
	if change != nil {
		change(&t)
	}
	text, err := t.sign()
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// signIn ends the request of whoever is at the login page.
func (p *Provider) signIn(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.requests[id]; r != nil {
		r.subject, r.done, r.authTime = p.user.Subject, true, time.Now()
	}
}

// tampering replaces the ID token in an answer of the token endpoint.
func (p *Provider) tampering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		p.mu.Lock()
		change := p.tamper
		p.mu.Unlock()
		if changed, err := tamper(body, p.key, change); err == nil {
			body = changed
		}
		maps.Copy(w.Header(), rec.Header())
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(rec.Code)
		_, _ = w.Write(body)
	})
}

func tamper(body []byte, key *rsa.PrivateKey, change func(*Token)) ([]byte, error) {
	answer := map[string]any{}
	if err := json.Unmarshal(body, &answer); err != nil || change == nil {
		return body, err
	}
	text, _ := answer["id_token"].(string)
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, errors.New("no ID token")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	t := Token{Algorithm: string(jose.RS256), Key: key}
	numbers := json.NewDecoder(bytes.NewReader(payload))
	numbers.UseNumber()
	if err := numbers.Decode(&t.Claims); err != nil {
		return nil, err
	}
	change(&t)
	if answer["id_token"], err = t.sign(); err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

func (t Token) sign() (string, error) {
	payload, err := json.Marshal(t.Claims)
	if err != nil {
		return "", err
	}
	key := jose.SigningKey{Algorithm: jose.SignatureAlgorithm(t.Algorithm), Key: jose.JSONWebKey{Key: t.Key, KeyID: keyID}}
	switch t.Algorithm {
	case "none":
		segment := base64.RawURLEncoding.EncodeToString
		return segment([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + segment(payload) + ".", nil
	case string(jose.HS256):
		key.Key = bytes.Repeat([]byte(ClientSecret), 8)
	}
	signer, err := jose.NewSigner(key, nil)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// findUser is the user with a subject.
func (p *Provider) findUser(subject string) (User, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u, ok := p.users[subject]
	if !ok {
		return u, errors.New("no such user")
	}
	return u, nil
}

func (p *Provider) request(_ context.Context, id string) (*authRequest, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.requests[id]
	if !ok {
		return nil, errors.New("no such request")
	}
	c := *r
	return &c, nil
}
