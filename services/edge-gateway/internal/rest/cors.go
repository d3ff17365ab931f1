package rest

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// cors lets web pages of other origins use the API (the Fetch standard, section CORS). A page sends its access token; it
// may send cookies along only when the setting has its origin in full (see newOwnPages).
func (a *api) cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		w.Header().Add("Vary", "Origin")
		if origin == "" || !matchOrigin(a.Config.Origins, origin) {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "Retry-After, "+headerRequestID)
		if slices.ContainsFunc(a.Config.Origins, func(full string) bool { return strings.EqualFold(full, origin) }) {
			h.Set("Access-Control-Allow-Credentials", "true")
		}
		if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, "+headerRequestID)
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
	})
}

// matchOrigin follows the rules of the WebSocket library, so that one setting means the same for both: a pattern with a
// scheme is compared with scheme and host, one without with the host; `*` stands for any characters but a slash.
func matchOrigin(patterns []string, origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		target := u.Host
		if strings.Contains(pattern, "://") {
			target = u.Scheme + "://" + u.Host
		}
		ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(target))
		return ok && err == nil
	})
}
