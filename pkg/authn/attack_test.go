package authn_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
)

// raw makes a signed JWT of any header and claims, as an attacker (or a mistake of ours) could.
func raw(tb testing.TB, alg jwa.SignatureAlgorithm, key any, typ string, claims map[string]any) string {
	tb.Helper()
	return withHeader(tb, alg, key, map[string]any{jws.KeyIDKey: "k1", jws.TypeKey: typ}, claims)
}

func withHeader(tb testing.TB, alg jwa.SignatureAlgorithm, key any, header, claims map[string]any) string {
	tb.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		tb.Fatal(err)
	}
	h := jws.NewHeaders()
	for name, value := range header {
		if err := h.Set(name, value); err != nil {
			tb.Fatal(err)
		}
	}
	token, err := jws.Sign(payload, jws.WithKey(alg, key, jws.WithProtectedHeaders(h)))
	if err != nil {
		tb.Fatal(err)
	}
	return string(token)
}

// attacks are tokens that must not pass, by what is wrong with them.
func attacks(tb testing.TB, iss *issuer, id authn.Identity) map[string]string {
	tb.Helper()
	key := iss.keys["k1"]
	claims := func(change func(map[string]any)) map[string]any {
		c := map[string]any{
			"iss": authn.Issuer, "sub": ids.New[ids.User]().String(), "sid": ids.New[ids.Session]().String(), "exp": time.Now().Add(time.Minute).Unix(),
		}
		change(c)
		return c
	}
	same := func(map[string]any) {}
	segment := base64.RawURLEncoding.EncodeToString
	good := iss.sign(tb, "k1", id)
	parts := strings.Split(good, ".")
	none := segment([]byte(`{"alg":"none","typ":"at+jwt","kid":"k1"}`))
	flipped := []byte(good)
	flipped[len(good)-20] ^= 1 // another letter of the signature
	foreign, err := jwk.FromRaw(newKey(9).Public())
	if err != nil {
		tb.Fatal(err)
	}
	typ := map[string]any{jws.TypeKey: "at+jwt"}
	header := func(name string, value any) map[string]any {
		h := maps.Clone(typ)
		h[jws.KeyIDKey] = "k1"
		h[name] = value
		return h
	}
	hs256 := segment([]byte(`{"alg":"HS256","typ":"at+jwt","kid":"k1"}`)) + "." + parts[1]
	return map[string]string{
		"empty":               "",
		"not a token":         "a.b.c",
		"no signature":        parts[0] + "." + parts[1] + ".",
		"alg none":            none + "." + parts[1] + ".",
		"alg none, signed":    none + "." + parts[1] + "." + parts[2],
		"alg HS256, signed":   hs256 + "." + segment(ed25519.Sign(key, []byte(hs256))),
		"other payload":       parts[0] + "." + segment([]byte(`{"iss":"natter","sub":"x"}`)) + "." + parts[2],
		"tampered signature":  string(flipped),
		"key in the token":    withHeader(tb, jwa.EdDSA, newKey(9), header(jws.JWKKey, foreign), claims(same)),
		"key at an address":   withHeader(tb, jwa.EdDSA, newKey(9), header(jws.JWKSetURLKey, "https://evil.example/jwks.json"), claims(same)),
		"unknown kid":         withHeader(tb, jwa.EdDSA, key, header(jws.KeyIDKey, "k9"), claims(same)),
		"kid of a file":       withHeader(tb, jwa.EdDSA, newKey(9), header(jws.KeyIDKey, "../../dev/null"), claims(same)),
		"no kid":              withHeader(tb, jwa.EdDSA, key, typ, claims(same)),
		"expired":             raw(tb, jwa.EdDSA, key, "at+jwt", claims(func(c map[string]any) { c["exp"] = time.Now().Add(-time.Minute).Unix() })),
		"not valid yet":       raw(tb, jwa.EdDSA, key, "at+jwt", claims(func(c map[string]any) { c["nbf"] = time.Now().Add(time.Minute).Unix() })),
		"expiry no number":    raw(tb, jwa.EdDSA, key, "at+jwt", claims(func(c map[string]any) { c["exp"] = "never" })),
		"no issuer":           raw(tb, jwa.EdDSA, key, "at+jwt", claims(func(c map[string]any) { delete(c, "iss") })),
		"another key":         raw(tb, jwa.EdDSA, newKey(9), "at+jwt", claims(same)),
		"public key as HMAC":  raw(tb, jwa.HS256, []byte(key.Public().(ed25519.PublicKey)), "at+jwt", claims(same)),
		"another kind of JWT": raw(tb, jwa.EdDSA, key, "JWT", claims(same)),
		"another issuer":      raw(tb, jwa.EdDSA, key, "at+jwt", claims(func(c map[string]any) { c["iss"] = "other" })),
		"no expiry":           raw(tb, jwa.EdDSA, key, "at+jwt", claims(func(c map[string]any) { delete(c, "exp") })),
		"no subject":          raw(tb, jwa.EdDSA, key, "at+jwt", claims(func(c map[string]any) { delete(c, "sub") })),
		"subject no id":       raw(tb, jwa.EdDSA, key, "at+jwt", claims(func(c map[string]any) { c["sub"] = "*.>" })),
		"no session":          raw(tb, jwa.EdDSA, key, "at+jwt", claims(func(c map[string]any) { delete(c, "sid") })),
		"not yet issued":      raw(tb, jwa.EdDSA, key, "at+jwt", claims(func(c map[string]any) { c["iat"] = time.Now().Add(time.Hour).Unix() })),
		"JSON form":           `{"payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`,
		"JSON form with dots": `{"..":"","payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`,
		"too long":            raw(tb, jwa.EdDSA, key, "at+jwt", claims(func(c map[string]any) { c["email"] = strings.Repeat("x", 8<<10) })),
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	iss := newIssuer()
	v := authn.NewVerifier(iss.fetch)
	for name, token := range attacks(t, iss, newIdentity(time.Minute)) {
		want := "the access token is not valid"
		if name == "expired" {
			want = "the access token has expired"
		}
		id, err := v.Verify(t.Context(), token)
		if f := fault.From(err); err == nil || f.Code != fault.Unauthenticated || f.Message != want {
			t.Errorf("%s: %+v, %v; want %s", name, id, err, want)
		}
		t.Logf("%s: %v", name, err)
	}
	if n := iss.fetches.Load(); n != 1 {
		t.Errorf("%d fetches, want 1", n)
	}
}
