package rest

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/natter-chat/natter/pkg/fault"
)

var errForeignPage = fault.New(fault.PermissionDenied, "a page of another origin may not use the cookies of this one")

// newOwnPages trusts the gateway's own origin and those that NATTER_ORIGINS has in full: not patterns, and not hosts
// without a scheme, because what an attacker finds to match one would act in the name of everybody who visits it.
func newOwnPages(origins []string) (*http.CrossOriginProtection, error) {
	pages := http.NewCrossOriginProtection()
	for _, origin := range origins {
		if !strings.Contains(origin, "://") || strings.ContainsAny(origin, `*?[\`) {
			continue
		}
		if err := pages.AddTrustedOrigin(strings.ToLower(origin)); err != nil {
			return nil, fmt.Errorf("NATTER_ORIGINS: %w", err)
		}
	}
	return pages, nil
}

// ownPages refuses requests that carry cookies and change something unless one of our own pages sends them, by
// Sec-Fetch-Site or Origin, which pages cannot choose. It is for every route, so that no handler that reads a cookie has
// to think of it; the cookie's SameSite alone would let pages of sibling subdomains in. Clients that are no browsers send
// neither header, and pass. GET, HEAD and OPTIONS pass, too: a handler must not change anything at a GET that is only
// authorised by a cookie.
func (a *api) ownPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") != "" {
			if err := a.pages.Check(r); err != nil {
				a.fail(w, r, errForeignPage.WithCause("check origin", err))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
