package rest_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/services/edge-gateway/internal/clientaddr"
	"github.com/natter-chat/natter/services/edge-gateway/internal/ratelimit"
	"github.com/natter-chat/natter/services/edge-gateway/internal/rest"
)

// What carries cookies and changes something must come from the gateway's own pages. httptest's Host is example.com.
func TestForgedRequestsWithCookies(t *testing.T) {
	t.Parallel()
	f := start(t, func(d *rest.Deps) {
		d.Config.Origins = []string{"https://Chat.example.org", "partner.example.net", "https://*.example.net"}
	})
	const cookie = "Cookie: session=x"
	for name, test := range map[string]struct {
		method  string
		headers []string
		want    int
	}{
		"own page":                         {"POST", []string{cookie, "Sec-Fetch-Site: same-origin", "Origin: https://example.com"}, 201},
		"own page, old browser":            {"POST", []string{cookie, "Origin: http://example.com"}, 201},
		"own page behind a renaming proxy": {"POST", []string{cookie, "Sec-Fetch-Site: same-origin", "Origin: https://public.example"}, 201},
		"no browser":                       {"POST", []string{cookie}, 201},
		"a listed origin":                  {"POST", []string{cookie, "Sec-Fetch-Site: cross-site", "Origin: https://chat.example.org"}, 201},
		"another site":                     {"POST", []string{cookie, "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, 403},
		"another site, old browser":        {"POST", []string{cookie, "Origin: https://evil.example"}, 403},
		"a sibling subdomain":              {"POST", []string{cookie, "Sec-Fetch-Site: same-site", "Origin: https://evil.example.com"}, 403},
		"another port":                     {"POST", []string{cookie, "Origin: http://example.com:8000"}, 403},
		"a sandboxed frame":                {"POST", []string{cookie, "Origin: null"}, 403},
		"a host that is listed bare":       {"POST", []string{cookie, "Sec-Fetch-Site: cross-site", "Origin: https://partner.example.net"}, 403},
		"an origin that fits a pattern":    {"POST", []string{cookie, "Sec-Fetch-Site: cross-site", "Origin: https://a.example.net"}, 403},
		"a listed host, another scheme":    {"POST", []string{cookie, "Origin: http://chat.example.org"}, 403},
		"another site's DELETE":            {"DELETE", []string{cookie, "Sec-Fetch-Site: cross-site"}, 403},
		"another site, only a token":       {"POST", []string{"Sec-Fetch-Site: cross-site", "Origin: https://a.example.net"}, 201},
		"a link on another site":           {"GET", []string{cookie, "Sec-Fetch-Site: cross-site"}, 200},
	} {
		target := "/chat/rooms"
		if test.method == http.MethodDelete {
			target += "/" + room + "/members/" + f.user.String()
		}
		before := len(f.requests())
		w := f.do(test.method, target, "", test.headers...)
		if w.Code != test.want {
			t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, test.want)
		}
		if test.want == http.StatusForbidden {
			checkError(t, name, w, 403, "permission_denied", "")
			if len(f.requests()) != before {
				t.Errorf("%s: it reached a service", name)
			}
		}
	}
}

func TestOriginsThatMaySendCookies(t *testing.T) {
	t.Parallel()
	f := start(t, func(d *rest.Deps) {
		d.Config.Origins = []string{"https://chat.example.org", "http://localhost:*", "bare.example"}
	})
	for origin, want := range map[string]string{
		"https://chat.example.org": "true", "http://chat.example.org": "", "http://localhost:3000": "", "https://bare.example": "",
		"http://localhost:*": "", "https://evil.example": "", "null": "",
	} {
		for _, w := range []*httptest.ResponseRecorder{
			f.do("OPTIONS", "/chat/rooms", "", "Origin: "+origin, "Access-Control-Request-Method: POST", "Authorization: "),
			f.do("GET", "/chat/rooms", "", "Origin: "+origin),
		} {
			if got := w.Header().Get("Access-Control-Allow-Credentials"); got != want || w.Header().Get("Access-Control-Allow-Origin") == "*" {
				t.Errorf("%s: %v", origin, w.Header())
			}
		}
	}
}

func TestMalformedOriginIsRefusedAtStart(t *testing.T) {
	t.Parallel()
	d := rest.Deps{Config: rest.Config{Origins: []string{"https://chat.example.org/app"}}, Metrics: prometheus.NewRegistry()}
	if _, err := rest.New(d); err == nil || !strings.Contains(err.Error(), "NATTER_ORIGINS") {
		t.Errorf("got %v", err)
	}
}

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	api := start(t).handler
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ws", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusBadRequest) })
	mux.Handle("/", api)
	handler := rest.SecurityHeaders(clientaddr.Proxies{netip.MustParsePrefix("10.0.0.0/8")}, []string{"'sha256-x'"}, []string{"https://cdn.example.org"}, mux)
	get := func(target string, change func(*http.Request)) http.Header {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		change(r)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Result().Header
	}
	as := func(*http.Request) {}
	for _, target := range []string{"/", "/ws", "/docs", "/auth/me", "/.well-known/jwks.json", "/made/up"} {
		h := get(target, as)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Strict-Transport-Security": "",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s: %q, want %q", target, name, got, want)
			}
		}
		if policy := directives(h); policy["frame-ancestors"] != "'none'" || strings.Contains(policy["script-src"], "unsafe") {
			t.Errorf("%s: %v", target, policy)
		}
	}
	for name, test := range map[string]struct {
		change func(*http.Request)
		want   string
	}{
		"TLS":            {func(r *http.Request) { r.TLS = &tls.ConnectionState{} }, "max-age=31536000"},
		"TLS at a proxy": {func(r *http.Request) { r.RemoteAddr = "10.0.0.1:1"; r.Header.Set("X-Forwarded-Proto", "https") }, "max-age=31536000"},
		"so they say":    {func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") }, ""},
	} {
		if got := get("/", test.change).Get("Strict-Transport-Security"); got != test.want {
			t.Errorf("HSTS, %s: %q, want %q", name, got, test.want)
		}
	}
	for host, want := range map[string]string{
		"chat.example.org":      "'self' ws://chat.example.org wss://chat.example.org",
		"[::1]:8080":            "'self' ws://[::1]:8080 wss://[::1]:8080",
		"x; script-src *":       "'self'",
		"x,script-src":          "'self'",
		"'unsafe-inline'":       "'self'",
		"a b":                   "'self'",
		"*.example.org":         "'self'",
		"":                      "'self'",
		"localhost:8080\r\nX: ": "'self'",
	} {
		policy := directives(get("/", func(r *http.Request) { r.Host = host }))
		want := map[string]string{
			"default-src": "'self'", "script-src": "'self' 'sha256-x'", "style-src": "'self' 'unsafe-inline' https://cdn.example.org", "img-src": "'self' https: data: blob:",
			"media-src": "'self' blob:", "connect-src": want, "object-src": "'none'", "base-uri": "'none'", "form-action": "'self'",
			"frame-ancestors": "'none'",
		}
		for name, sources := range want {
			if policy[name] != sources {
				t.Errorf("host %q: %s %s, want %s", host, name, policy[name], sources)
			}
		}
		if len(policy) != len(want) {
			t.Errorf("host %q: %v", host, policy)
		}
	}
}

// directives is a content security policy by directive, as a browser reads it: of two with a name, the first counts.
func directives(h http.Header) map[string]string {
	all := map[string]string{}
	for text := range strings.SplitSeq(h.Get("Content-Security-Policy"), ";") {
		name, sources, _ := strings.Cut(strings.TrimSpace(text), " ")
		if _, ok := all[name]; !ok {
			all[name] = sources
		}
	}
	return all
}

// Who is behind none of our proxies cannot choose the address that limits count by; who is behind one has their own.
func TestForgedAddressGainsNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		remote    string
		forwarded [3]string
		want      []int
	}{
		"direct, each time another":       {"203.0.113.9:1", [3]string{"192.0.2.1", "192.0.2.2", "10.0.0.9"}, []int{200, 429, 429}},
		"in front of what the proxy adds": {"10.0.0.1:1", [3]string{"192.0.2.1, 203.0.113.9", "192.0.2.2, 203.0.113.9", "10.1.1.1,203.0.113.9"}, []int{200, 429, 429}},
		"three clients of a proxy":        {"10.0.0.1:1", [3]string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}, []int{200, 200, 200}},
		"one of a chain of proxies":       {"10.0.0.1:1", [3]string{"192.0.2.1, 10.0.0.2", "192.0.2.1, 10.0.0.3", "192.0.2.1"}, []int{200, 429, 429}},
		"one network of IPv6":             {"10.0.0.1:1", [3]string{"2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"}, []int{200, 429, 200}},
	} {
		f := start(t, func(d *rest.Deps) {
			d.Config.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
			d.Config.RateAuth = ratelimit.Rate{Count: 1, Per: time.Hour}
		})
		var got []int
		for _, forwarded := range test.forwarded {
			r := httptest.NewRequest(http.MethodPost, "/auth/login", nil)
			r.RemoteAddr = test.remote
			r.Header.Set("X-Forwarded-For", forwarded)
			r.Header.Set("X-Real-Ip", forwarded)
			r.Header.Set("Forwarded", "for="+forwarded)
			w := httptest.NewRecorder()
			f.handler.ServeHTTP(w, r)
			got = append(got, w.Code)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
