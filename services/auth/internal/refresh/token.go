// Package refresh is refresh tokens: what they look like, and which one of a session is good. A session's tokens are a
// chain: each is used once and replaced by the next, so that a stolen one is noticed when thief and owner have both used it.
package refresh

import (
	"crypto/rand"
	"encoding/base64"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
)

// Sizes of the parts of a token, in bytes.
const (
	sessionSize = 16
	familySize  = 16
	secretSize  = 32
	tokenSize   = sessionSize + familySize + secretSize
)

// Token is a refresh token, as only its client has it.
type Token struct {
	// Session is whose chain it is in.
	Session ids.Session
	// family is the same in all tokens of a chain: who has it has had one of them.
	family [familySize]byte
	// secret is of this token alone.
	secret [secretSize]byte
}

var encoding = base64.RawURLEncoding.Strict()

// ErrMalformed is the answer to what is no refresh token.
var ErrMalformed = fault.New(fault.Unauthenticated, "the refresh token is not valid: sign in again")

// New returns the first token of a session.
func New(session ids.Session) Token {
	t := Token{Session: session}
	_, _ = rand.Read(t.family[:]) // never fails
	_, _ = rand.Read(t.secret[:])
	return t
}

// Parse reads what String wrote; ErrMalformed for everything else. A token has one text only.
func Parse(text string) (Token, error) {
	var t Token
	if len(text) != encoding.EncodedLen(tokenSize) {
		return t, ErrMalformed
	}
	raw, err := encoding.DecodeString(text)
	if err != nil || len(raw) != tokenSize { // the decoder skips line breaks
		return t, ErrMalformed
	}
	copy(t.Session[:], raw)
	copy(t.family[:], raw[sessionSize:])
	copy(t.secret[:], raw[sessionSize+familySize:])
	return t, nil
}

// String is the token as its client keeps it: 86 characters that need no escaping anywhere.
func (t Token) String() string {
	raw := make([]byte, 0, tokenSize)
	raw = append(append(append(raw, t.Session[:]...), t.family[:]...), t.secret[:]...)
	return encoding.EncodeToString(raw)
}

// next is a fresh token of the same chain.
func (t Token) next() Token {
	_, _ = rand.Read(t.secret[:]) // never fails
	return t
}
