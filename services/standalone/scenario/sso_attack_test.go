package scenario

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/natter-chat/natter/services/standalone/internal/openidtest"
)

// forged are ID tokens that must sign nobody in, by what is wrong with them.
func forged(t *testing.T) map[string]func(*openidtest.Token) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	claim := func(name string, value any) func(*openidtest.Token) {
		return func(token *openidtest.Token) { token.Claims[name] = value }
	}
	return map[string]func(*openidtest.Token){
		"alg none":            func(token *openidtest.Token) { token.Algorithm = "none" },
		"HMAC, client secret": func(token *openidtest.Token) { token.Algorithm = "HS256" },
		"another key":         func(token *openidtest.Token) { token.Key = key },
		"wrong audience":      claim("aud", "somebody else"),
		"made for another of us": func(token *openidtest.Token) {
			claim("aud", []string{"other", openidtest.ClientID})(token)
			claim("azp", "other")(token)
		},
		"expired":         claim("exp", time.Now().Add(-time.Minute).Unix()),
		"no expiry":       func(token *openidtest.Token) { delete(token.Claims, "exp") },
		"from the future": claim("iat", time.Now().Add(time.Hour).Unix()),
		"another issuer":  claim("iss", "https://accounts.example.org"),
		"no subject":      claim("sub", ""),
	}
}

// wantRefused fails unless the answer is a refusal with this status and code.
func wantRefused(t *testing.T, name string, a answer, status int, code string) {
	t.Helper()
	if a.status != status || a.code() != code || a.body.AccessToken != "" {
		t.Errorf("%s: %d %s, want %d %s", name, a.status, a.text, status, code)
	}
	t.Logf("| %s | %d %s |", name, a.status, a.code())
}

func TestForgedIDTokens(t *testing.T) {
	t.Parallel()
	w := startSSO(t)
	ann := providerUser("ann", true)
	w.corp.SignInAs(ann)
	if a := w.native(t, "corp"); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.text)
	}
	for name, change := range forged(t) {
		w.corp.Tamper(change)
		wantRefused(t, name, w.native(t, "corp"), http.StatusUnauthorized, "unauthenticated")
		token := w.google.IDToken(t, ann, change)
		wantRefused(t, name+" (google-login)", w.post(t, "/auth/google-login", "", map[string]string{"idToken": token}), http.StatusUnauthorized, "unauthenticated")
	}
	for name, change := range map[string]func(*openidtest.Token){
		"wrong nonce": func(token *openidtest.Token) { token.Claims["nonce"] = "of another sign-in" },
		"no nonce":    func(token *openidtest.Token) { delete(token.Claims, "nonce") },
	} {
		w.corp.Tamper(change)
		wantRefused(t, name, w.native(t, "corp"), http.StatusUnauthorized, "unauthenticated")
	}
	w.corp.Tamper(nil)
	for name, token := range map[string]string{
		"an access token": "ya29.a0AfB_by", "another provider's ID token": w.corp.IDToken(t, ann, nil),
	} {
		wantRefused(t, name+" (google-login)", w.post(t, "/auth/google-login", "", map[string]string{"idToken": token}), http.StatusUnauthorized, "unauthenticated")
	}
	// A clock that is a little off is no attack.
	w.corp.Tamper(func(token *openidtest.Token) { token.Claims["exp"] = time.Now().Add(-10 * time.Second).Unix() })
	if a := w.native(t, "corp"); a.status != http.StatusOK {
		t.Errorf("10 s after the expiry: %d %s", a.status, a.text)
	}
}

func TestStatesOfOthers(t *testing.T) {
	t.Parallel()
	w := startSSO(t)
	w.corp.SignInAs(providerUser("ann", true))
	begin := w.beginURL("corp", "/", "")
	get := func(browser *http.Client, target string) answer {
		t.Helper()
		browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		return do(t, browser, http.MethodGet, target, "", nil)
	}
	refused := func(name string, a answer) {
		t.Helper()
		wantRefused(t, name, a, http.StatusUnauthorized, "unauthenticated")
		if len(a.header.Values("Location")) > 0 {
			t.Errorf("%s: redirected to %s", name, a.header.Get("Location"))
		}
	}

	// Not by the provider, or by PKCE, which would refuse them too: by us, before it is asked.
	refusedByUs := func(name string, a answer) {
		t.Helper()
		if refused(name, a); !strings.Contains(a.text, "begin it again") {
			t.Errorf("%s: %s", name, a.text)
		}
	}

	// Login CSRF: the victim's browser gets the attacker's answer of the provider.
	attacker, victim := newBrowser(t, "/auth/sso/"), newBrowser(t, "/auth/sso/")
	callback := w.atCallback(t, attacker, begin)
	refused("state of another browser", get(newBrowser(t, ""), callback))
	theirs := w.atCallback(t, victim, begin)
	refused("state of another browser, which has begun one", get(victim, callback))
	swapped, own := newBrowser(t, ""), victim.Jar.Cookies(mustURL(t, theirs))
	name := "natter_sso_" + mustURL(t, callback).Query().Get("state")[:8]
	swapped.Jar.SetCookies(mustURL(t, callback), []*http.Cookie{{Name: name, Value: own[0].Value, Path: "/auth/sso/"}})
	refusedByUs("state of another browser, with an attempt under its name", get(swapped, callback))

	// Replay, by one who has got hold of cookie and address.
	cookies := attacker.Jar.Cookies(mustURL(t, callback))
	if a := get(attacker, callback); a.status != http.StatusSeeOther {
		t.Fatalf("the first time: %d %s", a.status, a.text)
	}
	refused("replayed state", get(attacker, callback))
	attacker.Jar.SetCookies(mustURL(t, callback), cookies)
	refusedByUs("replayed state with its cookie", get(attacker, callback))

	// Mix-up: a code of one provider at the callback of the other, and an answer that says it is another's.
	refused("callback of another provider", get(victim, strings.Replace(theirs, "/sso/corp/", "/sso/google/", 1)))
	again := w.atCallback(t, newBrowserLike(victim), begin)
	refused("issuer mix-up (iss)", get(victim, again+"&iss=https%3A%2F%2Fevil.example"))
	tampered := w.atCallback(t, newBrowserLike(victim), begin)
	refused("code of somebody else", get(victim, strings.Replace(tampered, "code=", "code=x", 1)))
	denied := w.atCallback(t, newBrowserLike(victim), begin)
	wantRefused(t, "refused at the provider", get(victim, denied+"&error=access_denied"), http.StatusForbidden, "permission_denied")

	for _, to := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "http://evil.example:80/", "javascript:alert(1)", "/\t/evil.example"} {
		a := get(newBrowser(t, ""), w.beginURL("corp", to, ""))
		wantRefused(t, "open redirect to "+to, a, http.StatusBadRequest, "invalid_argument")
	}
	wantRefused(t, "open redirect, native", get(newBrowser(t, ""), w.beginURL("corp", "http://evil.example:80/", rand.Text())), 400, "invalid_argument")
	wantRefused(t, "unknown provider", get(newBrowser(t, ""), w.beginURL("nobody", "/", "")), http.StatusNotFound, "not_found")
}

// newBrowserLike has the cookies of another, and stops at the callback.
func newBrowserLike(other *http.Client) *http.Client {
	return &http.Client{Jar: other.Jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.Path, "/auth/sso/") {
			return http.ErrUseLastResponse
		}
		return nil
	}}
}

func TestCodesOfNativeClients(t *testing.T) {
	t.Parallel()
	w := startSSO(t)
	w.corp.SignInAs(providerUser("ann", true))
	verifier := rand.Text() + rand.Text()
	a := do(t, newBrowser(t, ""), http.MethodGet, w.beginURL("corp", w.listener, verifier), "", nil)
	code := a.at.Query().Get("code")
	exchange := func(verifier string) answer {
		t.Helper()
		return w.post(t, "/auth/sso/exchange", "", map[string]string{"code": code, "codeVerifier": verifier})
	}
	wantRefused(t, "stolen code without its verifier", exchange(rand.Text()), http.StatusUnauthorized, "unauthenticated")
	if a := exchange(verifier); a.status != http.StatusOK || a.body.AccessToken == "" {
		t.Errorf("the client's own: %d %s", a.status, a.text)
	}
	wantRefused(t, "code used twice", exchange(verifier), http.StatusUnauthorized, "unauthenticated")
}

// Whoever registers an address first does not get the account of the one who has it.
func TestPreRegistration(t *testing.T) {
	t.Parallel()
	w := startSSO(t)
	// The first user owns the server; the attacker is somebody else.
	w.post(t, "/auth/register", "", map[string]string{"email": "owner@example.org", "username": "owner", "password": password})
	registered := w.post(t, "/auth/register", "", map[string]string{"email": "victim@example.org", "username": "evil", "password": password})
	if registered.status != http.StatusCreated {
		t.Fatalf("%d %s", registered.status, registered.text)
	}
	attacker := registered.body.AccessToken

	// An identity with that address, which its provider has not verified, is nobody's.
	w.google.SignInAs(providerUser("victim", false))
	wantRefused(t, "unverified e-mail of an existing account", w.native(t, "google"), http.StatusForbidden, "permission_denied")
	token := w.google.IDToken(t, providerUser("victim", false), nil)
	wantRefused(t, "the same (google-login)", w.post(t, "/auth/google-login", "", map[string]string{"idToken": token}), http.StatusForbidden, "permission_denied")

	// The attacker links an identity of theirs, and begins to link one more.
	link := func(browser *http.Client) answer {
		t.Helper()
		begun := do(t, browser, http.MethodPost, w.url+"/auth/sso/google/link?returnTo=/rooms", attacker, nil)
		return do(t, browser, http.MethodGet, begun.body.URL, "", nil)
	}
	w.google.SignInAs(providerUser("mallory", false))
	if a := link(newBrowser(t, "/rooms")); a.status != http.StatusSeeOther {
		t.Fatalf("link: %d %s", a.status, a.text)
	}
	w.google.SignInAs(providerUser("mallory2", false))
	pending := newBrowser(t, "/auth/sso/")
	callback := link(pending).header.Get("Location")

	// They have API tokens, of a bot as well, and connections with each.
	apiToken := func(body map[string]any) string {
		t.Helper()
		a := w.post(t, "/auth/tokens", attacker, body)
		var made struct{ Token string }
		if err := json.Unmarshal([]byte(a.text), &made); err != nil || a.status != http.StatusCreated {
			t.Fatalf("make a token: %d %s", a.status, a.text)
		}
		return made.Token
	}
	bot := w.post(t, "/auth/bots", attacker, map[string]string{"username": "evil-bot"})
	var made struct{ ID string }
	if err := json.Unmarshal([]byte(bot.text), &made); err != nil || bot.status != http.StatusCreated {
		t.Fatalf("make a bot: %d %s", bot.status, bot.text)
	}
	scopes := []string{"read", "write"}
	tokens := map[string]string{
		"session": attacker, "API token": apiToken(map[string]any{"name": "x", "scopes": scopes}),
		"bot's API token": apiToken(map[string]any{"name": "x", "scopes": scopes, "botId": made.ID}),
	}
	sockets := map[string]*websocket.Conn{}
	for name, token := range tokens {
		sockets[name] = w.socket(t, token)
	}

	w.corp.SignInAs(providerUser("victim", true))
	victim := w.native(t, "corp")
	if victim.status != http.StatusOK || victim.body.User.ID != registered.body.User.ID {
		t.Fatalf("the victim: %d %s", victim.status, victim.text)
	}
	login := map[string]string{"email": "victim@example.org", "password": password}
	wantRefused(t, "pre-registered password", w.post(t, "/auth/login", "", login), http.StatusUnauthorized, "unauthenticated")
	var me answer
	eventually(t, "the end of the pre-registered session", func() error {
		if me = do(t, http.DefaultClient, http.MethodGet, w.url+"/auth/me", attacker, nil); me.status != http.StatusUnauthorized {
			return fmt.Errorf("%d %s", me.status, me.text)
		}
		return nil
	})
	wantRefused(t, "pre-registered session", me, http.StatusUnauthorized, "unauthenticated")
	for name, token := range tokens {
		wantClosed(t, "pre-registered "+name, sockets[name])
		a := do(t, http.DefaultClient, http.MethodGet, w.url+"/auth/me", token, nil)
		wantRefused(t, "pre-registered "+name+" over HTTP", a, http.StatusUnauthorized, "unauthenticated")
	}
	wantRefused(t, "link begun before", do(t, pending, http.MethodGet, callback, "", nil), http.StatusUnauthorized, "unauthenticated")
	w.google.SignInAs(providerUser("mallory", false))
	wantRefused(t, "pre-registered identity", w.native(t, "google"), http.StatusForbidden, "permission_denied")
	if a := do(t, http.DefaultClient, http.MethodGet, w.url+"/auth/me", victim.body.AccessToken, nil); a.status != http.StatusOK {
		t.Errorf("the victim's session: %d %s", a.status, a.text)
	}
}

// Identities are linked from inside a session whatever their address, and unlinked, but for the last way in.
func TestLinkAndUnlink(t *testing.T) {
	t.Parallel()
	w := startSSO(t)
	w.corp.SignInAs(providerUser("ann", true))
	ann := w.native(t, "corp")
	if ann.status != http.StatusOK {
		t.Fatalf("sign in: %d %s", ann.status, ann.text)
	}
	identities := func() []string {
		t.Helper()
		a := do(t, http.DefaultClient, http.MethodGet, w.url+"/auth/identities", ann.body.AccessToken, nil)
		var list []struct{ ID, Provider string }
		if err := json.Unmarshal([]byte(a.text), &list); err != nil || len(list) == 0 {
			t.Fatalf("identities: %d %s", a.status, a.text)
		}
		var ids []string
		for _, one := range list {
			ids = append(ids, one.ID)
		}
		return ids
	}
	unlink := func(id string) answer {
		t.Helper()
		return do(t, http.DefaultClient, http.MethodDelete, w.url+"/auth/identities/"+id, ann.body.AccessToken, nil)
	}
	wantRefused(t, "unlink the last way in", unlink(identities()[0]), http.StatusConflict, "conflict")
	wantRefused(t, "unlink nothing", unlink("x"), http.StatusNotFound, "not_found")
	wantRefused(t, "link without a session", w.post(t, "/auth/sso/google/link", "", nil), http.StatusUnauthorized, "unauthenticated")

	w.google.SignInAs(openidtest.User{Subject: "private", Email: "ann@private.example", Username: "a"})
	browser := newBrowser(t, "/rooms")
	begun := do(t, browser, http.MethodPost, w.url+"/auth/sso/google/link?returnTo=/rooms", ann.body.AccessToken, nil)
	if a := do(t, browser, http.MethodGet, begun.body.URL, "", nil); a.status != http.StatusSeeOther || a.header.Get("Location") != "/rooms" {
		t.Fatalf("link: %d %s", a.status, a.text)
	}
	if a := w.native(t, "google"); a.body.User.ID != ann.body.User.ID {
		t.Errorf("sign in with what was linked: %d %s", a.status, a.text)
	}
	both := identities()
	if len(both) != 2 {
		t.Fatalf("%d identities, want 2", len(both))
	}
	if a := unlink(both[0]); a.status != http.StatusOK || len(identities()) != 1 {
		t.Errorf("unlink: %d %s", a.status, a.text)
	}
	// What is somebody's is not linked to another.
	w.corp.SignInAs(providerUser("bob", true))
	bob := w.native(t, "corp")
	browser = newBrowser(t, "/rooms")
	begun = do(t, browser, http.MethodPost, w.url+"/auth/sso/google/link", bob.body.AccessToken, nil)
	wantRefused(t, "link what is another's", do(t, browser, http.MethodGet, begun.body.URL, "", nil), http.StatusConflict, "already_exists")
}

// A provider that does not answer keeps Natter from nothing but signing in with it.
func TestProviderDownAtStart(t *testing.T) {
	t.Parallel()
	s := startOne(t, "NATTER_SSO_PROVIDERS=corp", "NATTER_SSO_CORP_ISSUER=http://127.0.0.1:1", "NATTER_SSO_CORP_CLIENT_ID=natter")
	a := do(t, http.DefaultClient, http.MethodGet, s.url+"/auth/sso/corp", "", nil)
	wantRefused(t, "provider down", a, http.StatusServiceUnavailable, "unavailable")
	if a.header.Get("Retry-After") == "" {
		t.Error("it does not say when to try again")
	}
}
