package refresh

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
)

const (
	// Grace is how long a used token still returns its successor: two tabs refresh at once, an answer is lost.
	Grace = 30 * time.Second
	// maxRecent bounds the used tokens that are in their grace: more in 30 seconds are no client of ours.
	maxRecent = 16
)

// Block is 32 bytes as a database keeps them: the SHA-256 of a part of a token, or a masked secret. The parts of a token are
// random: nothing slower is needed to keep them from being guessed.
type Block [32]byte

// MarshalText implements encoding.TextMarshaler.
func (b Block) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, b[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Block) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(b) {
		return hex.ErrLength
	}
	_, err := hex.Decode(b[:], text)
	return err
}

// Chain is what the database knows of the tokens of a session. From it no token can be made.
type Chain struct {
	Family Block
	// Current is the token that has not been used yet.
	Current Block
	// Recent are the used ones that are in their grace, the latest last.
	Recent []Use
}

// Use is a token that was used.
type Use struct {
	Token Block `json:"token"`
	// Next is the secret of its successor, masked by the token: who has the token can read it, and nobody else.
	Next Block     `json:"next"`
	At   time.Time `json:"at"`
}

// What Use answers to a token that is not good.
var (
	// ErrUnknown: it was never one of this chain.
	ErrUnknown = fault.New(fault.Unauthenticated, "the refresh token is not valid: sign in again")
	// ErrReused: it was, but somebody has used it before. One of the two is not who they should be.
	ErrReused = fault.New(fault.Unauthenticated, "the refresh token was used before: sign in again")
)

// Begin is the chain of a session's first token.
func Begin(first Token) Chain {
	return Chain{Family: hash(first.family[:]), Current: hash(first.secret[:])}
}

// Has reports whether a token is one of this chain, used or not.
func (c *Chain) Has(t Token) bool {
	family := hash(t.family[:])
	return family.equals(c.Family)
}

// Use takes a token and returns the one that follows: a fresh one, or within its grace the same as the first time. The
// caller must have the chain for itself, and store it afterwards. Errors: ErrUnknown, ErrReused; the chain is as it was.
func (c *Chain) Use(t Token, now time.Time) (Token, error) {
	if !c.Has(t) {
		return Token{}, ErrUnknown
	}
	used := hash(t.secret[:])
	if used.equals(c.Current) {
		next := t.next()
		c.Recent = slices.DeleteFunc(c.Recent, func(u Use) bool { return !u.inGrace(now) })
		c.Recent = append(c.Recent, Use{Token: used, Next: mask(t, next.secret), At: now})
		c.Recent = c.Recent[max(0, len(c.Recent)-maxRecent):]
		c.Current = hash(next.secret[:])
		return next, nil
	}
	for _, u := range c.Recent {
		if u.Token.equals(used) && u.inGrace(now) {
			next := t
			next.secret = mask(t, u.Next)
			return next, nil
		}
	}
	return Token{}, ErrReused
}

// inGrace is true also when the clock went back.
func (u Use) inGrace(now time.Time) bool { return now.Sub(u.At) < Grace }

// mask hides the secret of a token's successor, and shows it again. A secret is random and masks one successor only, so
// this is a one-time pad.
func mask(t Token, secret [secretSize]byte) (out Block) {
	pad := hmac.New(sha256.New, t.secret[:])
	_, _ = pad.Write([]byte("natter refresh token: successor"))
	subtle.XORBytes(out[:], secret[:], pad.Sum(nil))
	return out
}

func hash(part []byte) Block { return sha256.Sum256(part) }

func (b Block) equals(other Block) bool { return subtle.ConstantTimeCompare(b[:], other[:]) == 1 }
