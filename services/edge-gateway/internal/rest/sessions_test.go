package rest

import (
	"net/http"
	"strings"
	"testing"
)

func TestTokenInCookie(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"":                                    "",
		"natter_refresh=abc":                  "abc",
		"a=b; natter_refresh=abc; c=d":        "abc",
		"natter_refresh=; natter_refresh=abc": "abc",
		"natter_refresh=\"abc\"":              "abc",
		"Natter_Refresh=abc":                  "",
		"xnatter_refresh=abc":                 "",
		"natter_refresh=" + strings.Repeat("a", 257): "",
	} {
		r := &http.Request{Header: http.Header{"Cookie": {header}}}
		if got := tokenInCookie(r); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}

func FuzzTokenInCookie(f *testing.F) {
	f.Add("natter_refresh=abc; natter_refresh=")
	f.Add("natter_refresh=\"a b\"; x")
	f.Add("natter_refresh=\x00\r\n;=;")
	f.Fuzz(func(t *testing.T, header string) {
		token := tokenInCookie(&http.Request{Header: http.Header{"Cookie": {header}}})
		if len(token) > maxCookie || strings.ContainsAny(token, ";\r\n\x00") || !strings.Contains(header, token) {
			t.Errorf("%q has the token %q", header, token)
		}
	})
}
