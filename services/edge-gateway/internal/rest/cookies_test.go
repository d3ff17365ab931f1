package rest_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	"github.com/natter-chat/natter/services/edge-gateway/internal/rest"
)

// signingIn are the requests that set a cookie, with the cookies that they need.
var signingIn = map[string]struct{ method, target, cookie, name string }{
	"login":        {"POST", "/auth/login", "", "natter_refresh"},
	"refresh":      {"POST", "/auth/refresh", "natter_refresh=old", "natter_refresh"},
	"logout":       {"POST", "/auth/logout", "natter_refresh=old", "natter_refresh"},
	"begin SSO":    {"GET", "/auth/sso/corp", "", "natter_sso_ABCDEFGH"},
	"SSO callback": {"GET", "/auth/sso/corp/callback?state=ABCDEFGHIJ&code=x", "natter_sso_ABCDEFGH=sealed", "natter_refresh"},
}

// Cookies are Secure when the browser speaks HTTPS, which only our own proxies are believed.
func TestCookiesAreSecure(t *testing.T) {
	t.Parallel()
	f := start(t, func(d *rest.Deps) { d.Config.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
	f.refresh = "new"
	for hop, tc := range map[string]struct {
		change func(*http.Request)
		want   bool
	}{
		"TLS":                        {func(r *http.Request) { r.TLS = &tls.ConnectionState{} }, true},
		"plain":                      {func(*http.Request) {}, false},
		"TLS at our proxy":           {func(r *http.Request) { r.RemoteAddr = "10.0.0.1:1"; r.Header.Set("X-Forwarded-Proto", "https") }, true},
		"plain at our proxy":         {func(r *http.Request) { r.RemoteAddr = "10.0.0.1:1"; r.Header.Set("X-Forwarded-Proto", "http") }, false},
		"so anybody says":            {func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") }, false},
		"so a client of ours says":   {func(r *http.Request) { r.RemoteAddr = "10.0.0.1:1"; r.Header.Set("Forwarded", "proto=https") }, false},
		"plain, in front of a proxy": {func(r *http.Request) { r.RemoteAddr = "10.0.0.1:1"; r.Header.Set("X-Forwarded-Proto", "http, https") }, false},
	} {
		for name, request := range signingIn {
			r := httptest.NewRequest(request.method, request.target, nil)
			if request.cookie != "" {
				r.Header.Set("Cookie", request.cookie)
			}
			tc.change(r)
			w := httptest.NewRecorder()
			f.handler.ServeHTTP(w, r)
			found := false
			for _, c := range w.Result().Cookies() {
				if found = found || c.Name == request.name; c.Secure != tc.want || !c.HttpOnly {
					t.Errorf("%s, %s: %v, want Secure %v", hop, name, c, tc.want)
				}
			}
			if !found {
				t.Errorf("%s, %s: no cookie %s in %d %v", hop, name, request.name, w.Code, w.Header())
			}
		}
	}
}

// A sign-in through a provider gives a browser the same cookie as one with a password, and the attempt's cookie goes.
func TestSignOnGivesTheSessionsCookie(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.refresh = "new"
	cookies := map[string]map[string]*http.Cookie{}
	for name, request := range signingIn {
		w := f.do(request.method, request.target, "", "Cookie: "+request.cookie)
		cookies[name] = map[string]*http.Cookie{}
		for _, c := range w.Result().Cookies() {
			cookies[name][c.Name] = c
		}
		if request.name == "natter_refresh" && strings.Contains(w.Body.String()+w.Header().Get("Location"), "new") {
			t.Errorf("%s: the refresh token is in the answer: %v %s", name, w.Header(), w.Body)
		}
	}
	want := cookies["login"]["natter_refresh"]
	if want == nil || want.SameSite != http.SameSiteStrictMode || want.Path != "/auth" || want.MaxAge < 86400 {
		t.Fatalf("login: %v", want)
	}
	for _, name := range []string{"refresh", "SSO callback"} {
		if got := cookies[name]["natter_refresh"]; got == nil || got.Raw != want.Raw {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if c := cookies["logout"]["natter_refresh"]; c == nil || c.Value != "" || c.MaxAge >= 0 {
		t.Errorf("logout: %v", c)
	}
	if c := cookies["SSO callback"]["natter_sso_ABCDEFGH"]; c == nil || c.Value != "" || c.MaxAge >= 0 || c.Path != "/auth/sso/" {
		t.Errorf("the attempt's cookie after the callback: %v", c)
	}
	finish := func(m proto.Message) *authv1.FinishSignOnRequest { r, _ := m.(*authv1.FinishSignOnRequest); return r }
	for _, m := range f.requests() {
		if r := finish(m); r != nil && (r.GetAttempt() != "sealed" || r.GetState() != "ABCDEFGHIJ" || r.GetCode() != "x" || r.GetProvider() != "corp") {
			t.Errorf("to auth: %v", r)
		}
	}
}

// A person whose sign-in fails gets a page, in which nothing runs; a program gets the error as always.
func TestErrorPageOfASignOn(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.failWith(fault.New(fault.Unavailable, "<script>alert(1)</script> is away").WithRetryAfter(3e9))
	for _, target := range []string{"/auth/sso/corp", "/auth/sso/corp/callback?state=ABCDEFGH"} {
		w := f.do("GET", target, "", "Accept: text/html,application/xhtml+xml,*/*;q=0.8", "Cookie: natter_sso_ABCDEFGH=sealed")
		h := w.Header()
		if w.Code != 503 || h.Get("Retry-After") != "3" || !strings.HasPrefix(h.Get("Content-Type"), "text/html") || h.Get("Location") != "" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", target, w.Code, h)
		}
		if body := w.Body.String(); !strings.Contains(body, "&lt;script&gt;alert(1)") || strings.Contains(body, "<script") || !strings.Contains(body, `href="/"`) {
			t.Errorf("%s: %s", target, body)
		}
		w = f.do("GET", target, "", "Accept: */*")
		checkError(t, target, w, 503, "unavailable", "")
	}
}
