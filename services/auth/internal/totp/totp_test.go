package totp_test

import (
	"bytes"
	"net/url"
	"testing"
	"time"

	"github.com/natter-chat/natter/services/auth/internal/totp"
)

// The vectors of RFC 6238, appendix B, cut to 6 digits; the secret is 12345678901234567890.
func TestStep(t *testing.T) {
	t.Parallel()
	const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	for at, code := range map[int64]string{59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"} {
		for offset, ok := range map[int64]bool{0: true, -30: true, 30: true, -60: false, 60: false} {
			step, good := totp.Step(secret, code, time.Unix(at-at%30+offset, 0))
			if good != ok || ok && step != at/30 {
				t.Errorf("%s at %d%+d: step %d, %v; want %d, %v", code, at, offset, step, good, at/30, ok)
			}
		}
	}
	for _, code := range []string{"", "287083", "28708", "2870822", "abcdef"} {
		if step, ok := totp.Step(secret, code, time.Unix(59, 0)); ok {
			t.Errorf("%q is good, of step %d", code, step)
		}
	}
	if _, ok := totp.Step("not base32!", "287082", time.Unix(59, 0)); ok {
		t.Error("a code without a secret is good")
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	secret, text, err := totp.New("Natter", "ann@example.org")
	u, parseErr := url.Parse(text)
	if err != nil || parseErr != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Query().Get("secret") != secret || len(secret) != 32 {
		t.Errorf("%q, %q, %v, %v", secret, text, err, parseErr)
	}
	if other, _, _ := totp.New("Natter", "ann@example.org"); other == secret {
		t.Error("the same secret twice")
	}
}

func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	codes, hashes := totp.NewRecoveryCodes()
	seen := map[string]bool{}
	for i, code := range codes {
		if len(code) != 19 || seen[code] || totp.IsCode(totp.Normal(code)) || !bytes.Equal(totp.HashRecoveryCode(totp.Normal(" "+code)), hashes[i]) {
			t.Errorf("code %q", code)
		}
		seen[code] = true
	}
	if len(codes) != 10 || len(hashes) != 10 {
		t.Errorf("%d codes, %d hashes", len(codes), len(hashes))
	}
	if !totp.IsCode(totp.Normal("123 456")) {
		t.Error("a code as apps show it is none")
	}
}
