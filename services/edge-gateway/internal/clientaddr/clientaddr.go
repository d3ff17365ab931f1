// Package clientaddr finds the address of the client behind a request: limits for those who are not signed in count by it.
package clientaddr

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks of the reverse proxies in front of the gateway; what X-Forwarded-For says is believed as far as
// it was written by one of them. With none, the header is ignored: anyone can send it.
type Proxies []netip.Prefix

// Of returns the address of the nearest hop that is not one of our proxies; the zero Addr when there is none to be read.
func (p Proxies) Of(r *http.Request) netip.Addr {
	hop, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := hop.Addr().Unmap().WithZone("")
	// Each proxy appends the address it was called from, so the list is read from its end.
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, text := range slices.Backward(forwarded) {
		if !p.trusts(addr) {
			break
		}
		before, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil {
			break
		}
		addr = before.Unmap().WithZone("")
	}
	return addr
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
