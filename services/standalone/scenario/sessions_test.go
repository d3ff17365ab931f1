package scenario

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/natter-chat/natter/pkg/client"
	"github.com/natter-chat/natter/pkg/fault"
)

// browser is what a browser knows after a sign-in.
type browser struct {
	t       *testing.T
	url     string
	access  string
	cookies map[string]string
}

// post sends JSON with the browser's cookie and token, and keeps what comes back.
func (b *browser) post(path, body string) (status int, answer map[string]any, set *http.Cookie) {
	return b.do(http.MethodPost, path, body)
}

func (b *browser) do(method, path, body string) (status int, answer map[string]any, set *http.Cookie) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, bytes.NewBufferString(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	for name, value := range b.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	if b.access != "" {
		req.Header.Set("Authorization", "Bearer "+b.access)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if bytes.HasPrefix(raw, []byte("[")) {
		raw = fmt.Appendf(nil, `{"list":%s}`, raw)
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		b.t.Fatalf("%s: %v", raw, err)
	}
	for _, c := range res.Cookies() {
		if c.Name == "natter_refresh" {
			set, b.cookies = c, map[string]string{c.Name: c.Value}
		}
	}
	if token, ok := answer["access_token"].(string); ok {
		b.access = token
	}
	return res.StatusCode, answer, set
}

func signInBrowser(t *testing.T, url string, p *person) *browser {
	t.Helper()
	b := &browser{t: t, url: url}
	status, answer, set := b.post("/auth/login", fmt.Sprintf(`{"email":%q,"password":%q}`, p.email, password))
	if status != 200 || answer["refresh_token"] != nil || set == nil {
		t.Fatalf("sign in: %d %v, cookie %v", status, answer, set)
	}
	if !set.HttpOnly || set.SameSite != http.SameSiteStrictMode || set.Path != "/auth" || set.Secure || set.MaxAge < 86400 {
		t.Errorf("the cookie is %v", set)
	}
	return b
}

// A browser's session: the cookie is replaced at each refresh, two tabs get the same one, and logging out ends it.
func TestBrowserSession(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *system) {
		ada := newPerson(t, s.gatewayURL(0), "ada")
		b := signInBrowser(t, s.gatewayURL(0), ada)
		first := b.cookies["natter_refresh"]
		status, answer, set := b.post("/auth/refresh", "")
		if status != 200 || set == nil || set.Value == first || answer["refresh_token"] != nil || answer["access_token"] == "" {
			t.Fatalf("refresh: %d %v, cookie %v", status, answer, set)
		}
		tab := &browser{t: t, url: s.gatewayURL(1), cookies: map[string]string{"natter_refresh": first}}
		if status, _, again := tab.post("/auth/refresh", ""); status != 200 || again.Value != set.Value {
			t.Errorf("another tab, through another gateway: %d, cookie %v; want %v", status, again, set)
		}
		if status, answer, _ := b.do(http.MethodGet, "/auth/sessions", ""); status != 200 || !strings.Contains(fmt.Sprint(answer), "Firefox on Linux") {
			t.Errorf("sessions: %d %v", status, answer)
		}
		if status, _, set := b.post("/auth/logout", ""); status != 200 || set == nil || set.Value != "" || set.MaxAge >= 0 {
			t.Errorf("logout: %d, cookie %v", status, set)
		}
		if status, answer, set := tab.post("/auth/refresh", ""); status != 401 || set == nil || set.Value != "" {
			t.Errorf("refresh after the logout: %d %v, cookie %v", status, answer, set)
		}
		eventually(t, "the access token is refused", func() error {
			if status, answer, _ := tab.do(http.MethodGet, "/auth/me", ""); status != 401 {
				return fmt.Errorf("%d %v", status, answer)
			}
			return nil
		})
	})
}

// socket opens a connection and says hello.
func (s *system) socket(t *testing.T, token string) *websocket.Conn {
	t.Helper()
	return socketAt(t, s.url, token)
}

func socketAt(t *testing.T, url, token string) *websocket.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(url, "http")+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	if err := ws.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"hello":{"token":%q}}`, token)); err != nil {
		t.Fatal(err)
	}
	if _, welcome, err := ws.Read(ctx); err != nil || !bytes.Contains(welcome, []byte(`"welcome"`)) {
		t.Fatalf("%s %v", welcome, err)
	}
	return ws
}

// wantClosed waits until the server closes a connection with 4103: sooner than a gateway asks by itself what has ended.
func wantClosed(t *testing.T, name string, ws *websocket.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var err error
	for err == nil {
		_, _, err = ws.Read(ctx)
	}
	if code := websocket.CloseStatus(err); code != 4103 {
		t.Errorf("%s: closed with %d (%v), want 4103", name, code, err)
	}
}

// One session, or all of them, ended over HTTP at one gateway, and an API token: each closes its own connections at the other.
func TestEndingOverHTTP(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *system) {
		ada := newPerson(t, s.gatewayURL(0), "ada")
		here, there, last := signInBrowser(t, s.gatewayURL(0), ada), signInBrowser(t, s.gatewayURL(1), ada), signInBrowser(t, s.gatewayURL(1), ada)
		status, made, _ := here.post("/auth/tokens", `{"name":"ci","scopes":["read"]}`)
		token, _ := made["token"].(string)
		details, _ := made["details"].(map[string]any)
		if status != http.StatusCreated || details == nil {
			t.Fatalf("make a token: %d %v", status, made)
		}
		session, remaining, api := socketAt(t, s.gatewayURL(1), there.access), socketAt(t, s.gatewayURL(1), last.access), socketAt(t, s.gatewayURL(1), token)

		status, list, _ := there.do(http.MethodGet, "/auth/sessions", "")
		var id string
		all, _ := list["list"].([]any)
		for _, one := range all {
			if one, _ := one.(map[string]any); one["current"] == true {
				id, _ = one["id"].(string)
			}
		}
		if status != http.StatusOK || id == "" {
			t.Fatalf("sessions: %d %v", status, list)
		}
		end := func(what, path string, want int) {
			t.Helper()
			if status, answer, _ := here.do(http.MethodDelete, path, ""); status != want {
				t.Errorf("end %s: %d %v, want %d", what, status, answer, want)
			}
		}
		end("a session", "/auth/sessions/"+id, http.StatusOK)
		wantClosed(t, "a session", session)
		end("it again", "/auth/sessions/"+id, http.StatusNotFound)
		end("nonsense", "/auth/sessions/x", http.StatusBadRequest)
		if status, _, _ := there.post("/auth/refresh", ""); status != http.StatusUnauthorized {
			t.Errorf("refresh of the ended session: %d", status)
		}
		end("an API token", fmt.Sprint("/auth/tokens/", details["id"]), http.StatusOK)
		wantClosed(t, "an API token", api)
		if status, _, _ := last.do(http.MethodGet, "/auth/me", ""); status != http.StatusOK {
			t.Errorf("another session: %d", status)
		}
		if status, answer, set := here.post("/auth/logout", `{"everywhere":true}`); status != http.StatusOK || set == nil || set.Value != "" {
			t.Errorf("logout everywhere: %d %v, cookie %v", status, answer, set)
		}
		wantClosed(t, "everywhere", remaining)
		for name, b := range map[string]*browser{"that asked": here, "another": last} {
			if status, _, _ := b.post("/auth/refresh", ""); status != http.StatusUnauthorized {
				t.Errorf("refresh of the session %s: %d", name, status)
			}
		}
	})
}

// Ending sessions closes their connections on every gateway, at once, and no others.
func TestRevokedSessionsAreClosed(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *system) {
		ada := newPerson(t, s.gatewayURL(0), "ada")
		here := ada.connect(t, client.ConnOptions{})
		item(here, "online", func(c client.StateChange) bool { return c.State == client.Online })
		var others []*device
		for i := range 2 {
			b := signInBrowser(t, s.gatewayURL(i), ada)
			api, err := client.New(s.gatewayURL(i), client.Options{Token: client.StaticToken(b.access)})
			if err != nil {
				t.Fatal(err)
			}
			d := (&person{Client: api, name: "ada"}).connect(t, client.ConnOptions{})
			item(d, "online", func(c client.StateChange) bool { return c.State == client.Online })
			others = append(others, d)
		}
		mine := signInBrowser(t, s.gatewayURL(0), ada)
		status, answer, _ := mine.do(http.MethodGet, "/auth/sessions", "")
		list, _ := answer["list"].([]any)
		if status != 200 || len(list) != 4 {
			t.Fatalf("sessions: %d %v", status, answer)
		}
		began := time.Now()
		if status, answer, _ := mine.do(http.MethodDelete, "/auth/sessions", ""); status != 200 {
			t.Fatalf("end the others: %d %v", status, answer)
		}
		for _, d := range append(others, here) {
			d.until("the end", func() bool { return d.Err() != nil })
			if fault.CodeOf(d.Err()) != fault.Unauthenticated {
				t.Errorf("ended with %v", d.Err())
			}
		}
		t.Logf("closed within %v", time.Since(began))
		if status, _, _ := mine.do(http.MethodGet, "/auth/me", ""); status != 200 {
			t.Errorf("the session that asked: %d", status)
		}
		if status, _, _ := mine.post("/auth/logout", `{"everywhere":true}`); status != 200 {
			t.Errorf("logout everywhere: %d", status)
		}
	})
}

// A bot joins and talks with its token, as a bot for all to see, until its owner deletes it.
func TestBots(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *system) {
		ada := newPerson(t, s.gatewayURL(0), "ada")
		d := ada.connect(t, client.ConnOptions{})
		room := ada.newRoom(t)
		d.knows(room)
		owner := signInBrowser(t, s.gatewayURL(0), ada)
		made := func(path, body, field string) string {
			t.Helper()
			status, answer, _ := owner.post(path, body)
			value, _ := answer[field].(string)
			if status != http.StatusCreated || value == "" {
				t.Fatalf("%s: %d %v", path, status, answer)
			}
			return value
		}
		name := ada.name + "-bot"
		bot := made("/auth/bots", fmt.Sprintf(`{"username":%q}`, name), "id")
		token := made("/auth/tokens", fmt.Sprintf(`{"name":"x","scopes":["read","write"],"botId":%q}`, bot), "token")
		program := &browser{t: t, url: s.gatewayURL(1), access: token}
		if status, answer, _ := program.post("/chat/rooms/"+room+"/join", ""); status != http.StatusOK && status != http.StatusCreated {
			t.Fatalf("the bot joins: %d %v", status, answer)
		}
		joined := d.event(room, 2).GetMemberJoined().GetUser()
		if joined.GetId() != bot || !joined.GetIsBot() {
			t.Errorf("joined: %v, want the bot", joined)
		}
		ws := socketAt(t, s.gatewayURL(1), token)
		if status, answer, _ := owner.do(http.MethodDelete, "/auth/bots/"+bot, ""); status != http.StatusOK {
			t.Fatalf("delete the bot: %d %v", status, answer)
		}
		wantClosed(t, "a deleted bot", ws)
		if status, answer, _ := program.do(http.MethodGet, "/auth/me", ""); status != http.StatusUnauthorized {
			t.Errorf("a deleted bot asks: %d %v", status, answer)
		}
		made("/auth/bots", fmt.Sprintf(`{"username":%q}`, name), "id") // the name is free
	})
}
