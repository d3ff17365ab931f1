package scenario

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/natter-chat/natter/pkg/client"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/testkit"
)

// The gateway ends TLS itself: HTTPS and WSS, and who does not know its authority is not fooled.
func TestTLS(t *testing.T) {
	t.Parallel()
	authority := testkit.NewAuthority(t)
	cert, key := authority.Issue(t, "gateway", 2)
	s := startOne(t, "NATTER_TLS_CERT="+cert, "NATTER_TLS_KEY="+key)
	url := strings.Replace(s.url, "http://", "https://", 1)

	pem, err := os.ReadFile(filepath.Clean(authority.CA))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	trusting := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	api, err := client.New(url, client.Options{HTTP: trusting})
	if err != nil {
		t.Fatal(err)
	}
	ada := &person{Client: api, name: "ada-" + ids.New[ids.User]().String()[28:]}
	if _, err := ada.Register(t.Context(), ada.name+"@example.org", ada.name, password); err != nil {
		t.Fatal(err)
	}
	room := ada.newRoom(t)
	d := ada.connect(t, client.ConnOptions{})
	d.event(room, d.say(room, "in private").GetSeq())

	stranger, err := client.New(url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.Register(t.Context(), "b@example.org", "bob", password); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate of nobody's: %v", err)
	}
}
