// Package totp is the second factor: codes of an authenticator app (RFC 6238: SHA-1, 6 digits, 30 s) and recovery codes.
package totp

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"
)

const (
	// period is what apps assume.
	period = 30
	// skew is how many steps the clock of a phone may be off, or its owner late.
	skew = 1
	// digits of a code.
	digits = 6
	// secretSize is that of the hash, in bytes (RFC 4226, 4).
	secretSize = 20
	// recoveryCodes is how many there are.
	recoveryCodes = 10
)

// New makes a secret, in base32, and the otpauth URL that apps read as a QR code.
func New(issuer, account string) (secret, url string, err error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: account, SecretSize: secretSize, Period: period})
	if err != nil {
		return "", "", fmt.Errorf("make a TOTP secret: %w", err)
	}
	return key.Secret(), key.URL(), nil
}

// Step is the time step whose code this is, if it is that of a step around now. The caller sees to it that a step is
// used once, and none before it later (RFC 6238, 5.2).
func Step(secret, code string, now time.Time) (step int64, ok bool) {
	current := now.Unix() / period
	for step := current + skew; step >= current-skew; step-- {
		want, err := hotp.GenerateCode(secret, uint64(step))
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			return step, true
		}
	}
	return 0, false
}

// Normal is a code as it is compared: without the spaces and dashes that it is shown with, in upper case.
func Normal(code string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(strings.TrimSpace(code)))
}

// IsCode reports whether a normal code may be one of an app, not a recovery code.
func IsCode(normal string) bool {
	return len(normal) == digits && strings.Trim(normal, "0123456789") == ""
}

// NewRecoveryCodes makes codes of 80 random bits, and their hashes. So many bits need no slow hash.
func NewRecoveryCodes() (codes []string, hashes [][]byte) {
	for range recoveryCodes {
		text := rand.Text()[:16]
		codes = append(codes, strings.ToLower(text[:4]+"-"+text[4:8]+"-"+text[8:12]+"-"+text[12:]))
		hashes = append(hashes, HashRecoveryCode(text))
	}
	return codes, hashes
}

// HashRecoveryCode is what of a recovery code is stored.
func HashRecoveryCode(normal string) []byte {
	sum := sha256.Sum256([]byte(normal))
	return sum[:]
}
