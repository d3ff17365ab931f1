package scenario

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/natter-chat/natter/pkg/client"
	"github.com/natter-chat/natter/services/standalone/internal/openidtest"
)

// ssoWorld is a Natter with two OpenID providers, and the listener of a native client.
type ssoWorld struct {
	*system
	corp, google *openidtest.Provider
	listener     string
}

// startSSO starts the one process; startSSOOn another one.
func startSSO(t *testing.T) *ssoWorld {
	t.Helper()
	return startSSOOn(t, startOne)
}

func startSSOOn(t *testing.T, start func(testing.TB, ...string) *system, env ...string) *ssoWorld {
	t.Helper()
	listener := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(listener.Close)
	w := &ssoWorld{corp: openidtest.Start(t), google: openidtest.Start(t), listener: listener.URL + "/done"}
	w.system = start(t, append(env, "NATTER_SSO_PROVIDERS=google,corp",
		"NATTER_SSO_CORP_ISSUER="+w.corp.URL, "NATTER_SSO_CORP_CLIENT_ID="+openidtest.ClientID, "NATTER_SSO_CORP_CLIENT_SECRET="+openidtest.ClientSecret,
		"NATTER_SSO_GOOGLE_ISSUER="+w.google.URL, "NATTER_SSO_GOOGLE_CLIENT_ID="+openidtest.ClientID,
		"NATTER_SSO_GOOGLE_CLIENT_SECRET="+openidtest.ClientSecret)...)
	w.corp.Register(w.url + "/auth/sso/corp/callback")
	w.google.Register(w.url + "/auth/sso/google/callback")
	return w
}

func providerUser(name string, verified bool) openidtest.User {
	return openidtest.User{Subject: name + "-1", Email: name + "@example.org", Username: name, EmailVerified: verified}
}

// answer is what a request ended with.
type answer struct {
	status int
	header http.Header
	at     *url.URL // after redirects
	body   struct {
		AccessToken string `json:"access_token"`
		User        struct{ ID, Email, Username string }
		URL         string
		Error       struct{ Code, Field string }
	}
	text string
}

func (a answer) code() string { return a.body.Error.Code }

// newBrowser keeps cookies and follows redirects, but stops in front of a path that begins with stopAt, if that is set.
func newBrowser(t *testing.T, stopAt string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if stopAt != "" && strings.HasPrefix(r.URL.Path, stopAt) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
}

func do(t *testing.T, c *http.Client, method, target, token string, body any) answer {
	t.Helper()
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		content = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, target, content)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, at: res.Request.URL, text: string(text)}
	_ = json.Unmarshal(text, &a.body) // pages and arrays are no such object
	return a
}

func (w *ssoWorld) post(t *testing.T, path, token string, body any) answer {
	t.Helper()
	return do(t, http.DefaultClient, http.MethodPost, w.url+path, token, body)
}

// native signs in as a native client does, in a browser of its own: to the answer of the exchange, or of whatever failed.
func (w *ssoWorld) native(t *testing.T, provider string) answer {
	t.Helper()
	verifier := rand.Text() + rand.Text()
	a := do(t, newBrowser(t, ""), http.MethodGet, w.beginURL(provider, w.listener, verifier), "", nil)
	code := a.at.Query().Get("code")
	if a.at.Path != "/done" {
		return a
	}
	return w.post(t, "/auth/sso/exchange", "", map[string]string{"code": code, "codeVerifier": verifier})
}

// beginURL begins a sign-in; verifier is that of a native client, or empty.
func (w *ssoWorld) beginURL(provider, returnTo, verifier string) string {
	query := url.Values{"returnTo": {returnTo}}
	if verifier != "" {
		challenge := sha256.Sum256([]byte(verifier))
		query.Set("codeChallenge", base64.RawURLEncoding.EncodeToString(challenge[:]))
	}
	return w.url + "/auth/sso/" + provider + "?" + query.Encode()
}

// atCallback brings a browser through the provider, up to the address that it is sent back to.
func (w *ssoWorld) atCallback(t *testing.T, browser *http.Client, begin string) string {
	t.Helper()
	a := do(t, browser, http.MethodGet, begin, "", nil)
	if a.status != http.StatusFound {
		t.Fatalf("%d at %v: %s", a.status, a.at, a.text)
	}
	return a.header.Get("Location")
}

func TestSignOnWithAProvider(t *testing.T) {
	t.Parallel()
	t.Run("one process", func(t *testing.T) { t.Parallel(); signOnWithAProvider(t, startSSO(t)) })
	// PostgreSQL, and gateways that take turns: one begins a sign-in, and the other ends it.
	t.Run("apart", func(t *testing.T) { t.Parallel(); signOnWithAProvider(t, startSSOOn(t, startApart)) })
}

func signOnWithAProvider(t *testing.T, w *ssoWorld) {
	t.Helper()
	list := do(t, http.DefaultClient, http.MethodGet, w.url+"/auth/providers", "", nil)
	want := `[{"name":"google","displayName":"Google","url":"/auth/sso/google"},{"name":"corp","displayName":"corp","url":"/auth/sso/corp"}]`
	if strings.TrimSpace(list.text) != want {
		t.Errorf("providers: %s", list.text)
	}

	// A browser comes back to where it was, with a session in a cookie; tokens are in no address.
	w.corp.SignInAs(providerUser("ann", true))
	browser := newBrowser(t, "/auth/sso/")
	callback := w.atCallback(t, browser, w.beginURL("corp", "/rooms?x=1", ""))
	for _, c := range browser.Jar.Cookies(mustURL(t, w.url+"/auth/sso/corp/callback")) {
		if !strings.HasPrefix(c.Name, "natter_sso_") {
			t.Errorf("cookie %s", c.Name)
		}
	}
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	back := do(t, browser, http.MethodGet, callback, "", nil)
	if back.status != http.StatusSeeOther || back.header.Get("Location") != "/rooms?x=1" {
		t.Errorf("%d to %s: %s", back.status, back.header.Get("Location"), back.text)
	}
	refreshed := do(t, browser, http.MethodPost, w.url+"/auth/refresh", "", nil)
	if refreshed.status != http.StatusOK || refreshed.body.User.Username != "ann" || refreshed.body.User.Email != "ann@example.org" {
		t.Errorf("refresh with the cookie: %d %s", refreshed.status, refreshed.text)
	}
	// The same person again, by both other ways; and by another provider that has verified the same address.
	w.google.SignInAs(providerUser("ann", true))
	for name, a := range map[string]answer{
		"native": w.native(t, "corp"),
		"linked": w.native(t, "google"),
		"google": w.post(t, "/auth/google-login", "", map[string]string{"idToken": w.google.IDToken(t, providerUser("ann", true), nil)}),
	} {
		if a.status != http.StatusOK || a.body.User.ID != refreshed.body.User.ID || a.body.AccessToken == "" {
			t.Errorf("%s: %d %s, want the same account", name, a.status, a.text)
		}
	}
	// Somebody else whose name is taken.
	other := providerUser("ann", true)
	other.Subject, other.Email = "ann-2", "ann@elsewhere.example"
	w.corp.SignInAs(other)
	if a := w.native(t, "corp"); a.status != http.StatusOK || a.body.User.Username != "ann2" {
		t.Errorf("a taken username: %d %s", a.status, a.text)
	}
}

// A provider whose addresses nobody chooses is believed without their being verified there; another is not.
func TestTrustedEmail(t *testing.T) {
	t.Parallel()
	w := startSSOOn(t, startOne, "NATTER_SSO_CORP_TRUST_EMAIL=true")
	w.corp.SignInAs(providerUser("ann", false))
	ann := w.native(t, "corp")
	if ann.status != http.StatusOK || ann.body.User.Email != "ann@example.org" {
		t.Fatalf("%d %s", ann.status, ann.text)
	}
	w.google.SignInAs(providerUser("ann", true)) // her address here counts as verified, so this is hers, too
	if a := w.native(t, "google"); a.body.User.ID != ann.body.User.ID {
		t.Errorf("another provider with the address: %d %s", a.status, a.text)
	}
	w.google.SignInAs(providerUser("bob", false))
	wantRefused(t, "unverified address at a provider that is not trusted", w.native(t, "google"), http.StatusForbidden, "permission_denied")
}

// Who came by a provider sets a password with a mailed link, and may leave the provider then.
func TestPasswordAfterSignOn(t *testing.T) {
	t.Parallel()
	w := startSSO(t)
	w.corp.SignInAs(providerUser("ann", true))
	ann := w.native(t, "corp")
	if ann.status != http.StatusOK {
		t.Fatalf("%d %s", ann.status, ann.text)
	}
	const password = "correct horse battery"
	login := map[string]string{"email": "ann@example.org", "password": password}
	wantRefused(t, "a password where there is none", w.post(t, "/auth/login", "", login), http.StatusUnauthorized, "unauthenticated")
	wantRefused(t, "an empty one", w.post(t, "/auth/login", "", map[string]string{"email": "ann@example.org"}), http.StatusUnauthorized, "unauthenticated")
	wantRefused(t, "change it from nothing", w.post(t, "/auth/password", ann.body.AccessToken,
		map[string]string{"newPassword": password}), http.StatusForbidden, "permission_denied")

	if a := w.post(t, "/auth/password-reset", "", map[string]string{"email": "ann@example.org"}); a.status != http.StatusAccepted {
		t.Fatalf("%d %s", a.status, a.text)
	}
	link := regexp.MustCompile(`/reset-password#token=([A-Z2-7]+)`) // without a mail server, it is in the log
	var token string
	eventually(t, "the link", func() error {
		found := link.FindStringSubmatch(w.processes[0].log.tail())
		if found == nil {
			return errors.New("not in the log")
		}
		token = found[1]
		return nil
	})
	set := map[string]string{"token": token, "password": password}
	if a := w.post(t, "/auth/password-reset/confirm", "", set); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.text)
	}
	in := w.post(t, "/auth/login", "", login)
	if in.status != http.StatusOK || in.body.User.ID != ann.body.User.ID {
		t.Fatalf("sign in with the password: %d %s", in.status, in.text)
	}
	if a := w.native(t, "corp"); a.body.User.ID != ann.body.User.ID { // an address that was verified keeps its identities
		t.Errorf("sign in with the provider: %d %s", a.status, a.text)
	}
	list := do(t, http.DefaultClient, http.MethodGet, w.url+"/auth/identities", in.body.AccessToken, nil)
	var identities []struct{ ID string }
	if err := json.Unmarshal([]byte(list.text), &identities); err != nil || len(identities) != 1 {
		t.Fatalf("%v, %s", err, list.text)
	}
	if a := do(t, http.DefaultClient, http.MethodDelete, w.url+"/auth/identities/"+identities[0].ID, in.body.AccessToken, nil); a.status != http.StatusOK {
		t.Errorf("unlink: %d %s", a.status, a.text)
	}
}

// On a server that takes new users by invitation, a provider's people need one, too: in every way to sign in, once.
func TestSignOnByInvitation(t *testing.T) {
	t.Parallel()
	w := startSSOOn(t, startOne, "NATTER_SIGN_UP=invite")
	w.corp.SignInAs(providerUser("owner", true))
	owner := w.native(t, "corp")
	made := w.post(t, "/admin/invitations", owner.body.AccessToken, map[string]any{"maxUses": 2})
	var invitation struct{ Code string }
	if err := json.Unmarshal([]byte(made.text), &invitation); err != nil || made.status != http.StatusCreated {
		t.Fatalf("%d %s", made.status, made.text)
	}
	w.corp.SignInAs(providerUser("ann", true))
	wantRefused(t, "without an invitation", w.native(t, "corp"), http.StatusForbidden, "permission_denied")
	long := do(t, newBrowser(t, ""), http.MethodGet, w.url+"/auth/sso/corp?invitation="+strings.Repeat("A", 100), "", nil)
	wantRefused(t, "with a made up one", long, http.StatusForbidden, "permission_denied")

	// The SDK does what a native client should, with a browser.
	sdk, err := client.New(w.url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	in, err := sdk.SignOn(t.Context(), "corp", invitation.Code, func(at string) error {
		if a := do(t, newBrowser(t, ""), http.MethodGet, at, "", nil); a.status != http.StatusOK || !strings.Contains(a.text, "close this page") {
			t.Errorf("the browser ended at %v: %d %s", a.at, a.status, a.text)
		}
		return nil
	})
	if err != nil || in.GetUser().GetUsername() != "ann" {
		t.Fatalf("%v, %v", in, err)
	}
	google := func(name string) answer {
		return w.post(t, "/auth/google-login", "", map[string]string{
			"idToken": w.google.IDToken(t, providerUser(name, true), nil), "invitation": invitation.Code,
		})
	}
	if a := google("bob"); a.status != http.StatusOK {
		t.Errorf("with the second use: %d %s", a.status, a.text)
	}
	wantRefused(t, "used up", google("cat"), http.StatusForbidden, "permission_denied")
	if a := google("bob"); a.status != http.StatusOK { // who is in needs none
		t.Errorf("again: %d %s", a.status, a.text)
	}
	failed, cancel := context.WithCancel(t.Context())
	if _, err := sdk.SignOn(failed, "corp", "", func(string) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

func TestCookieOfASignOn(t *testing.T) {
	t.Parallel()
	w := startSSO(t)
	browser := newBrowser(t, "/authorize")
	a := do(t, browser, http.MethodGet, w.beginURL("corp", "/", ""), "", nil)
	cookie, err := http.ParseSetCookie(a.header.Get("Set-Cookie"))
	if err != nil || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/auth/sso/" || cookie.MaxAge != 600 {
		t.Errorf("cookie %+v, %v", cookie, err)
	}
	to := mustURL(t, a.header.Get("Location")).Query()
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(to.Get(name)) < 20 || strings.Contains(cookie.Value, to.Get(name)) {
			t.Errorf("%s=%s", name, to.Get(name))
		}
	}
	if to.Get("code_challenge_method") != "S256" || to.Get("response_type") != "code" || to.Get("redirect_uri") != w.url+"/auth/sso/corp/callback" {
		t.Errorf("to the provider: %v", to)
	}
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
