package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// get asks the server at url and returns the answer, its body closed. header is "Name: value" lines.
func get(ctx context.Context, url string, header ...string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	return res, res.Body.Close()
}

// Everything that the public port answers has the headers that browsers enforce.
func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	s := startOne(t, "NATTER_HTTP_TRUSTED_PROXIES=127.0.0.1/32,::1/128")
	for path, status := range map[string]int{
		"/": 200, "/docs": 200, "/ws": 426, "/auth/me": 401, "/.well-known/jwks.json": 200, "/made/up": 404, "/chat//rooms": 307,
	} {
		res, err := get(t.Context(), s.url+path, "X-Forwarded-Proto: https")
		if err != nil {
			t.Fatal(err)
		}
		h := res.Header
		if res.StatusCode != status || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") == "" || h.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: %d %v; want %d", path, res.StatusCode, h, status)
		}
	}
}

// An operator revokes the keys of a running server: what they signed ends soon, and everybody signs in as before.
func TestHeavyRevokedKeys(t *testing.T) {
	heavy(t)
	s := startOne(t)
	ana := newPerson(t, s.url, "ana")
	signIn := func() string {
		t.Helper()
		body := strings.NewReader(fmt.Sprintf(`{"email":%q,"password":%q}`, ana.email, password))
		res, err := http.Post(s.url+"/auth/login", "application/json", body)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		var in struct {
			Token string `json:"access_token"`
		}
		if err := json.NewDecoder(res.Body).Decode(&in); err != nil || res.StatusCode != http.StatusOK {
			t.Fatal(res.Status, err)
		}
		return in.Token
	}
	accepts := func(token string) error {
		res, err := get(t.Context(), s.url+"/auth/me", "Authorization: Bearer "+token)
		if err == nil && res.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s", res.Status)
		}
		return err
	}
	old := signIn()
	if err := accepts(old); err != nil {
		t.Fatal(err)
	}
	var dataDir string
	for _, setting := range s.processes[0].env {
		if dir, ok := strings.CutPrefix(setting, "NATTER_DATA_DIR="); ok {
			dataDir = dir
		}
	}
	s.natter(t, "keys", "revoke", "--data", dataDir).ends(t, 0)
	began := time.Now()
	within(t, 2*time.Minute, "the revoked key is refused", func() error {
		if accepts(old) == nil {
			return fmt.Errorf("still accepted after %v", time.Since(began))
		}
		return nil
	})
	t.Logf("refused after %v", time.Since(began))
	if err := accepts(signIn()); err != nil {
		t.Error(err)
	}
}
