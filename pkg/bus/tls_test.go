package bus

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/testkit"
)

func TestTLS(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	ours := testkit.NewAuthority(t)
	cert, key := ours.Issue(t, "nats", 2)
	clientCert, clientKey := ours.Issue(t, "auth", 3)
	url := strings.Replace(testkit.NATSWith(t, fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true }", cert, key, ours.CA)),
		"nats://", "tls://", 1)

	nc, err := Connect(t.Context(), Config{URL: url, TLSCA: ours.CA, TLSCert: clientCert, TLSKey: clientKey}, "auth", log)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nc.TLSConnectionState(); err != nil {
		t.Error(err)
	}
	nc.Close()
	for name, cfg := range map[string]Config{
		"a server of an authority that is not trusted": {URL: url, TLSCA: testkit.NewAuthority(t).CA, TLSCert: clientCert, TLSKey: clientKey},
		"no certificate of its own":                    {URL: url, TLSCA: ours.CA},
		"half a certificate":                           {URL: url, TLSCA: ours.CA, TLSCert: clientCert},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if nc, err := Connect(ctx, cfg, "auth", log); err == nil {
			nc.Close()
			t.Errorf("%s: connected", name)
		}
		cancel()
	}
}
