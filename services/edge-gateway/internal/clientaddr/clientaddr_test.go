package clientaddr_test

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"testing"

	"github.com/natter-chat/natter/services/edge-gateway/internal/clientaddr"
)

func TestOf(t *testing.T) {
	t.Parallel()
	trusted := clientaddr.Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, test := range map[string]struct {
		proxies   clientaddr.Proxies
		remote    string
		forwarded []string
		want      string
	}{
		"direct":                    {trusted, "203.0.113.9:1234", nil, "203.0.113.9"},
		"a client's own header":     {trusted, "203.0.113.9:1234", []string{"192.0.2.1"}, "203.0.113.9"},
		"no proxies":                {nil, "10.0.0.1:1234", []string{"192.0.2.1"}, "10.0.0.1"},
		"one proxy":                 {trusted, "10.0.0.1:1234", []string{"192.0.2.1"}, "192.0.2.1"},
		"two proxies":               {trusted, "10.0.0.1:1234", []string{"192.0.2.1, 10.0.0.2"}, "192.0.2.1"},
		"two headers":               {trusted, "10.0.0.1:1234", []string{"192.0.2.1", "fd00::1"}, "192.0.2.1"},
		"forged before the proxy":   {trusted, "10.0.0.1:1234", []string{"10.9.9.9, 198.51.100.7, 192.0.2.1"}, "192.0.2.1"},
		"nonsense before the proxy": {trusted, "10.0.0.1:1234", []string{"unknown"}, "10.0.0.1"},
		"with ports":                {trusted, "10.0.0.1:1234", []string{"192.0.2.1:80, [fd00::1]:443"}, "192.0.2.1"},
		"forged in another header":  {trusted, "10.0.0.1:1234", []string{"10.9.9.9", "192.0.2.1"}, "192.0.2.1"},
		"forged with an empty hop":  {trusted, "10.0.0.1:1234", []string{"192.0.2.7, , 10.0.0.2"}, "10.0.0.2"},
		"all of them ours":          {trusted, "10.0.0.1:1234", []string{"10.0.0.3"}, "10.0.0.3"},
		"IPv4 in IPv6":              {trusted, "[::ffff:10.0.0.1]:1234", []string{"::ffff:192.0.2.1"}, "192.0.2.1"},
		"an address without a port": {trusted, "@", nil, "invalid IP"},
	} {
		r := &http.Request{RemoteAddr: test.remote, Header: http.Header{"X-Forwarded-For": test.forwarded}}
		if got := test.proxies.Of(r).String(); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

func TestIsHTTPS(t *testing.T) {
	t.Parallel()
	trusted := clientaddr.Proxies{netip.MustParsePrefix("10.0.0.0/8")}
	for name, test := range map[string]struct {
		remote string
		tls    *tls.ConnectionState
		proto  []string
		want   bool
	}{
		"direct":                       {"203.0.113.9:1", nil, nil, false},
		"direct, TLS":                  {"203.0.113.9:1", &tls.ConnectionState{}, nil, true},
		"a client's own header":        {"203.0.113.9:1", nil, []string{"https"}, false},
		"through a proxy":              {"10.0.0.1:1", nil, []string{"HTTPS"}, true},
		"through a proxy, not secure":  {"10.0.0.1:1", nil, []string{"http"}, false},
		"through two, secure outside":  {"10.0.0.1:1", nil, []string{"https, http"}, true},
		"through two, secure between":  {"10.0.0.1:1", nil, []string{"http, https"}, false},
		"through a proxy without word": {"10.0.0.1:1", nil, nil, false},
	} {
		r := &http.Request{RemoteAddr: test.remote, TLS: test.tls, Header: http.Header{"X-Forwarded-Proto": test.proto}}
		if got := trusted.IsHTTPS(r); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::/64"} {
		if got := clientaddr.Key(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: got %s, want %s", addr, got, want)
		}
	}
}
