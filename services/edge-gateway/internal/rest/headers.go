package rest

import (
	"net/http"
	"strings"

	"github.com/natter-chat/natter/services/edge-gateway/internal/clientaddr"
)

// SecurityHeaders puts on every answer what browsers are told to enforce; it goes around everything the gateway serves.
// The policy is for the web client on the gateway's own origin: scripts from files only, nothing from elsewhere. A
// handler that needs another sets its own. Scripts and styles are further sources of them.
func SecurityHeaders(proxies clientaddr.Proxies, scripts, styles []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy(r.Host, scripts, styles))
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")        // frame-ancestors, for old browsers
		h.Set("Referrer-Policy", "no-referrer") // links in e-mails have tokens in them
		if proxies.IsHTTPS(r) {                 // over HTTP the header says nothing
			h.Set("Strict-Transport-Security", hsts) // of this host: its subdomains are not ours
		}
		next.ServeHTTP(w, r)
	})
}

// hsts makes a browser use HTTPS for a year.
const hsts = "max-age=31536000"

// contentSecurityPolicy is that of pages on host. The WebSocket is named, because for some browsers 'self' does not
// include it; styles may be inline, because libraries set them on elements; blob: is pictures about to be uploaded, and https:
// is avatars, which people have wherever they like: their hosts see who looks, but not (Referrer-Policy) at what.
func contentSecurityPolicy(host string, scripts, styles []string) string {
	connect := "'self'"
	if isPlainHost(host) {
		connect += " ws://" + host + " wss://" + host
	}
	return "default-src 'self'; script-src " + strings.Join(append([]string{"'self'"}, scripts...), " ") +
		"; style-src " + strings.Join(append([]string{"'self' 'unsafe-inline'"}, styles...), " ") + "; img-src 'self' https: data: blob:; media-src 'self' blob:; " +
		"connect-src " + connect + "; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}

// isPlainHost reports whether a Host header, which the client chooses, is a name or address with maybe a port, and
// nothing that means more in a policy.
func isPlainHost(host string) bool {
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:[]"
	return host != "" && strings.Trim(host, alphabet) == ""
}
