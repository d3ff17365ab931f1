package sso_test

import (
	"bytes"
	"encoding/base64"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/natter-chat/natter/pkg/config"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/secret"
	"github.com/natter-chat/natter/services/auth/internal/sso"
)

func load(t *testing.T, values map[string]string) (*sso.Providers, error) {
	t.Helper()
	var cfg sso.Config
	if err := config.NewSource(values).Load(&cfg); err != nil {
		t.Fatal(err)
	}
	return sso.New(cfg)
}

func TestSettings(t *testing.T) {
	t.Parallel()
	p, err := load(t, map[string]string{
		"NATTER_SSO_PROVIDERS": "corp-eu,google", "NATTER_PUBLIC_URL": "https://chat.example.org/",
		"NATTER_SSO_GOOGLE_CLIENT_ID": "g", "NATTER_SSO_CORP_EU_CLIENT_ID": "c", "NATTER_SSO_CORP_EU_ISSUER": "https://sso.example.org",
		"NATTER_SSO_CORP_EU_DISPLAY_NAME": "Example Corp",
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, one := range p.All() {
		names = append(names, one.Name+"="+one.DisplayName())
	}
	if got := strings.Join(names, " "); got != "corp-eu=Example Corp google=Google" {
		t.Error(got)
	}
	if p.NameOf("https://accounts.google.com") != "google" || p.NameOf("https://gone.example.org") != "" || p.Find("other") != nil {
		t.Error("names of issuers are mixed up")
	}
}

func TestSettingsRefuse(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change map[string]string
		want   string
	}{
		"no client":         {map[string]string{"NATTER_SSO_CORP_CLIENT_ID": ""}, "NATTER_SSO_CORP_CLIENT_ID"},
		"no issuer":         {map[string]string{"NATTER_SSO_CORP_ISSUER": ""}, "NATTER_SSO_CORP_ISSUER"},
		"plain HTTP":        {map[string]string{"NATTER_SSO_CORP_ISSUER": "http://sso.example.org"}, "https://"},
		"a password in it":  {map[string]string{"NATTER_SSO_CORP_ISSUER": "https://a:b@sso.example.org"}, "NATTER_SSO_CORP_ISSUER"},
		"no openid":         {map[string]string{"NATTER_SSO_CORP_SCOPES": "email"}, "NATTER_SSO_CORP_SCOPES"},
		"no public URL":     {map[string]string{"NATTER_PUBLIC_URL": ""}, "NATTER_PUBLIC_URL"},
		"public plain HTTP": {map[string]string{"NATTER_PUBLIC_URL": "http://chat.example.org"}, "NATTER_PUBLIC_URL"},
	} {
		values := map[string]string{
			"NATTER_SSO_PROVIDERS": "corp", "NATTER_PUBLIC_URL": "https://chat.example.org",
			"NATTER_SSO_CORP_CLIENT_ID": "c", "NATTER_SSO_CORP_ISSUER": "https://sso.example.org",
		}
		if _, err := load(t, values); err != nil {
			t.Fatal(err)
		}
		maps.Copy(values, tc.change)
		if _, err := load(t, values); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
}

// challenge is a good one of PKCE.
var challenge = base64.RawURLEncoding.EncodeToString(make([]byte, 32))

var returns = []struct {
	to, challenge string
	field         string // that is refused; "": none is
}{
	{"", "", ""},
	{"/", "", ""},
	{"/rooms/1?x=%2F%2Fa#top", "", ""},
	{"http://127.0.0.1:8123/done", challenge, ""},
	{"http://[::1]:8123/", challenge, ""},
	{"/rooms", challenge, "codeChallenge"},
	{"http://127.0.0.1:8123/done", "", "codeChallenge"},
	{"http://127.0.0.1:8123/done", "short", "codeChallenge"},
	{"https://evil.example", "", "returnTo"},
	{"//evil.example", "", "returnTo"},
	{"/\\evil.example", "", "returnTo"},
	{"/\t/evil.example", "", "returnTo"},
	{"\\\\evil.example", "", "returnTo"},
	{" //evil.example", "", "returnTo"},
	{"/\r\nSet-Cookie: a=b", "", "returnTo"},
	{"javascript:alert(1)", "", "returnTo"},
	{"rooms", "", "returnTo"},
	{"https:/evil.example", "", "returnTo"},
	{"http://127.0.0.1@evil.example:80/", challenge, "returnTo"},
	{"http://127.0.0.1.evil.example:80/", challenge, "returnTo"},
	{"http://localhost:8123/", challenge, "returnTo"},
	{"http://127.0.0.1/", challenge, "returnTo"},
	{"https://127.0.0.1:1/", challenge, "returnTo"},
	{"http://evil.example:8123/", challenge, "returnTo"},
	{"/" + strings.Repeat("x", 512), "", "returnTo"},
	{"/é", "", "returnTo"},
}

func TestParseReturn(t *testing.T) {
	t.Parallel()
	for _, tc := range returns {
		got, err := sso.ParseReturn(tc.to, tc.challenge)
		if tc.field == "" && (err != nil || got != tc.to && tc.to != "") || tc.field != "" && fault.From(err).Field != tc.field {
			t.Errorf("%q, %q: %q, %v; want the field %q", tc.to, tc.challenge, got, err, tc.field)
		}
	}
}

// Whatever passes as a path is one to a browser, too: it stays on this server.
func FuzzParseReturn(f *testing.F) {
	for _, tc := range returns {
		f.Add(tc.to)
	}
	f.Fuzz(func(t *testing.T, to string) {
		got, err := sso.ParseReturn(to, "")
		if err == nil && (!strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\t\r\n ")) {
			t.Errorf("%q passed as %q", to, got)
		}
	})
}

func newSealer(tb testing.TB, key byte) sso.Sealer {
	tb.Helper()
	k, err := secret.Parse(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{key}, 32)), "")
	if err != nil {
		tb.Fatal(err)
	}
	box, err := k.Box("test")
	if err != nil {
		tb.Fatal(err)
	}
	return sso.Sealer{Box: box}
}

func TestAttemptsAndCodes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSealer(t, 1)
		a := sso.NewAttempt("corp", "/rooms", "")
		a.Link, a.Session = ids.New[ids.User](), ids.New[ids.Session]()
		sealed, err := s.SealAttempt(a)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.OpenAttempt(sealed)
		if got.Expires = a.Expires; err != nil || got != a {
			t.Errorf("%+v, %v; want %+v", got, err, a)
		}
		c := sso.NewCode(a.Link, ids.New[ids.Identity](), "corp", challenge)
		code, err := s.SealCode(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.OpenCode(code); err != nil {
			t.Error(err)
		}
		if strings.Contains(sealed, a.Verifier) || strings.Contains(sealed, a.Nonce) {
			t.Error("an attempt is readable")
		}
		changed := "A" + sealed[1:]
		if sealed[0] == 'A' {
			changed = "B" + sealed[1:]
		}
		// One thing is not the other, and another server's is nothing.
		for name, try := range map[string]func() error{
			"a code as an attempt":  func() error { _, err := s.OpenAttempt(code); return err },
			"an attempt as a code":  func() error { _, err := s.OpenCode(sealed); return err },
			"of another key":        func() error { _, err := newSealer(t, 2).OpenAttempt(sealed); return err },
			"with a bit changed":    func() error { _, err := s.OpenAttempt(changed); return err },
			"nothing":               func() error { _, err := s.OpenAttempt(""); return err },
			"too short for a nonce": func() error { _, err := s.OpenAttempt("AAAA"); return err },
		} {
			if try() == nil {
				t.Errorf("%s is opened", name)
			}
		}
		<-time.After(sso.CodeTTL + time.Millisecond)
		if _, err := s.OpenCode(code); err == nil {
			t.Error("a code that has expired is opened")
		}
		<-time.After(sso.AttemptTTL)
		if _, err := s.OpenAttempt(sealed); err == nil {
			t.Error("an attempt that has expired is opened")
		}
	})
}

func FuzzOpenAttempt(f *testing.F) {
	s := newSealer(f, 1)
	sealed, err := newSealer(f, 2).SealAttempt(sso.NewAttempt("corp", "/", ""))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if a, err := s.OpenAttempt(text); err == nil {
			t.Errorf("%q is %+v", text, a)
		}
	})
}

// A provider that is down keeps nothing from starting, is not asked by everybody, and is asked again.
func TestProviderIsDown(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		http.Error(w, "down", http.StatusBadGateway)
	}))
	defer server.Close()
	p, err := load(t, map[string]string{
		"NATTER_SSO_PROVIDERS": "corp", "NATTER_PUBLIC_URL": "http://localhost:8080",
		"NATTER_SSO_CORP_CLIENT_ID": "c", "NATTER_SSO_CORP_ISSUER": server.URL,
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		_, err := p.Find("corp").AuthURL(t.Context(), "state", "nonce", "verifier")
		if f := fault.From(err); f.Code != fault.Unavailable || f.RetryAfter == 0 {
			t.Errorf("got %v, want unavailable and when to try again", err)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("it was asked %d times at once, want 1", n)
	}
}
