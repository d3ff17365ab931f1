package authn

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"hash/crc32"
	"strings"
)

// An API token is "natter_", 256 random bits, and a checksum of what is before it, in lower-case base32: one word of 66
// characters. The prefix and the checksum let scanners of source code tell a leaked token from text that looks like one,
// and let the gateway refuse a mistyped one without asking anybody.
const (
	apiTokenPrefix = "natter_"
	apiTokenRandom = 32 // bytes
	apiTokenLen    = len(apiTokenPrefix) + 52 + checksumLen
	checksumLen    = 7 // of 4 bytes in base32
)

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewAPIToken makes a token.
func NewAPIToken() string {
	secret := make([]byte, apiTokenRandom)
	_, _ = rand.Read(secret) // never fails
	body := apiTokenPrefix + base32Lower.EncodeToString(secret)
	return body + checksum(body)
}

// IsAPIToken reports whether a text is meant to be an API token, be it a good one or not.
func IsAPIToken(s string) bool { return strings.HasPrefix(s, apiTokenPrefix) }

// HashAPIToken is what a token is stored and looked up by: its SHA-256. That is enough for 256 random bits, which nobody
// can try; a slow and salted hash is for what people choose. False: it was never a token.
func HashAPIToken(s string) (hash [sha256.Size]byte, ok bool) {
	if len(s) != apiTokenLen || !IsAPIToken(s) || s[apiTokenLen-checksumLen:] != checksum(s[:apiTokenLen-checksumLen]) {
		return hash, false
	}
	return sha256.Sum256([]byte(s)), true
}

func checksum(s string) string {
	return base32Lower.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(s))))
}

// Scopes of API tokens.
const (
	ScopeRead  = "read"  // see what the user sees
	ScopeWrite = "write" // send, react, join, leave, manage rooms
	ScopeAdmin = "admin" // what admins do, if the user is one
)
