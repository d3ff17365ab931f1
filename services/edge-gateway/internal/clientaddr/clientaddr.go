// Package clientaddr says what reverse proxies hide of a request: the address of the client, by which limits count those
// who are not signed in, and whether it came over HTTPS.
package clientaddr

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks of the reverse proxies in front of the gateway; what X-Forwarded-For says is believed as far as
// it was written by one of them. With none, X-Forwarded headers are ignored: anyone can send them.
type Proxies []netip.Prefix

// Of returns the address of the nearest hop that is not one of our proxies; the zero Addr when there is none to be read.
func (p Proxies) Of(r *http.Request) netip.Addr {
	addr := peer(r)
	// Each proxy appends the address it was called from, so the list is read from its end.
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, text := range slices.Backward(forwarded) {
		if !p.trusts(addr) {
			break
		}
		before, ok := parse(strings.TrimSpace(text))
		if !ok {
			break
		}
		addr = before
	}
	return addr
}

// IsHTTPS reports whether the client speaks HTTPS: to the gateway itself, or to one of our proxies, which says so in
// X-Forwarded-Proto. Of several values the first is the outermost proxy's.
func (p Proxies) IsHTTPS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	outermost, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ",")
	return p.trusts(peer(r)) && strings.EqualFold(strings.TrimSpace(outermost), "https")
}

// peer is the address at the other end of the connection, or the zero Addr.
func peer(r *http.Request) netip.Addr {
	hop, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return hop.Addr().Unmap().WithZone("")
}

// parse reads an address, which some proxies write with a port.
func parse(text string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		hop, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = hop.Addr()
	}
	return addr.Unmap().WithZone(""), true
}

func (p Proxies) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(addr) })
}

// Key is what a limit counts by: an IPv4 address, or the /64 of an IPv6 address, which is what one customer has.
func Key(addr netip.Addr) string {
	if addr.Is6() {
		network, _ := addr.Prefix(64) // fails for more than 128 bits only
		return network.String()
	}
	return addr.String()
}
