package sso

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/secret"
)

const (
	// AttemptTTL is how long somebody may take at the provider.
	AttemptTTL = 10 * time.Minute
	// CodeTTL is how long a native client has to turn a code into a session.
	CodeTTL = time.Minute
	// MaxInvitation is more than a code of an invitation has, in bytes: it travels in a cookie.
	MaxInvitation = 64
	// maxReturn bounds where to return to, in bytes: it travels in a cookie.
	maxReturn = 512
)

// Attempt is a sign-in under way. It travels in a cookie of the browser that began it, encrypted: nothing is stored for
// those who never come back.
type Attempt struct {
	// ID is the state parameter, and what is remembered of an attempt that was used.
	ID       string
	Provider string
	Nonce    string
	// Verifier is that of PKCE between us and the provider.
	Verifier string
	// ReturnTo is checked by ParseReturn.
	ReturnTo string
	// Challenge is that of PKCE between a native client and us; empty for browsers.
	Challenge string
	// Invitation is the code of one, for who has no account yet; at most MaxInvitation bytes.
	Invitation string
	// Link is the user who adds an identity to their account, and Session where they do; zero: somebody signs in.
	Link    ids.User
	Session ids.Session
	Expires time.Time
}

// NewAttempt begins a sign-in.
func NewAttempt(provider, returnTo, challenge string) Attempt {
	return Attempt{
		ID: rand.Text(), Provider: provider, Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), ReturnTo: returnTo,
		Challenge: challenge, Expires: time.Now().Add(AttemptTTL),
	}
}

// Code is what a native client gets at the end of a redirect, and turns into a session: tokens are never in a URL.
type Code struct {
	ID        string
	User      ids.User
	Identity  ids.Identity
	Provider  string
	Challenge string
	Expires   time.Time
}

// NewCode makes the code of a user who has signed in with an identity.
func NewCode(user ids.User, identity ids.Identity, provider, challenge string) Code {
	return Code{ID: rand.Text(), User: user, Identity: identity, Provider: provider, Challenge: challenge, Expires: time.Now().Add(CodeTTL)}
}

// MayUse reports whether verifier is what the challenge was made of (RFC 7636, S256).
func (c Code) MayUse(verifier string) bool {
	return subtle.ConstantTimeCompare([]byte(oauth2.S256ChallengeFromVerifier(verifier)), []byte(c.Challenge)) == 1
}

// Sealer encrypts attempts and codes.
type Sealer struct{ Box secret.Box }

// What is sealed as one thing cannot be opened as the other.
const (
	attemptLabel = "sso attempt"
	codeLabel    = "sso code"
)

var errSealed = errors.New("not sealed by this server")

// SealAttempt returns text that is fit for a cookie.
func (s Sealer) SealAttempt(a Attempt) (string, error) { return s.seal(a, attemptLabel) }

// OpenAttempt is the inverse. An attempt that has expired is an error, too.
func (s Sealer) OpenAttempt(text string) (a Attempt, err error) {
	if err = s.open(text, attemptLabel, &a); err == nil && time.Now().After(a.Expires) {
		err = errors.New("expired")
	}
	return a, err
}

// SealCode returns text that is fit for a URL.
func (s Sealer) SealCode(c Code) (string, error) { return s.seal(c, codeLabel) }

// OpenCode is the inverse. A code that has expired is an error, too.
func (s Sealer) OpenCode(text string) (c Code, err error) {
	if err = s.open(text, codeLabel, &c); err == nil && time.Now().After(c.Expires) {
		err = errors.New("expired")
	}
	return c, err
}

func (s Sealer) seal(v any, label string) (string, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(s.Box.Seal(plain, label)), nil
}

func (s Sealer) open(text, label string, v any) error {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return errSealed
	}
	plain, _, err := s.Box.Open(sealed, label)
	if err != nil {
		return errSealed
	}
	return json.Unmarshal(plain, v)
}

// ParseReturn checks where a browser goes after it has signed in: a path of this server (empty: the root), or, for a
// native client that has a challenge of PKCE, a listener on its own machine (RFC 8252: http://127.0.0.1:<port>/…). Nothing
// else: whoever writes the link must not choose another site that looks like the end of a sign-in here, and gets a code.
// Errors: InvalidArgument of the fields returnTo and codeChallenge.
func ParseReturn(to, challenge string) (string, error) {
	if to == "" {
		to = "/"
	}
	u, err := url.Parse(to)
	// Browsers take \ for /, and leave out tabs and line breaks: none of them is ever needed.
	plain := err == nil && len(to) <= maxReturn && !strings.ContainsFunc(to, func(r rune) bool { return r <= ' ' || r == '\\' || r >= 0x7f })
	switch {
	case plain && strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//") && u.Scheme == "" && u.Host == "":
		if challenge != "" {
			return "", fault.Invalid("codeChallenge", "a code challenge is for a client that listens on its own machine")
		}
		return to, nil
	case plain && u.Scheme == "http" && isLoopback(u) && u.User == nil && u.Fragment == "":
		if raw, err := base64.RawURLEncoding.Strict().DecodeString(challenge); err != nil || len(raw) != sha256.Size {
			return "", fault.Invalid("codeChallenge", "the code challenge is not a SHA-256 in base64url (RFC 7636, S256)")
		}
		return to, nil
	}
	return "", fault.Invalid("returnTo", "where to return to is a path of this server, or of http://127.0.0.1 with a port, of at most %d bytes", maxReturn)
}

// isLoopback wants the address itself: the name localhost may lead elsewhere.
func isLoopback(u *url.URL) bool {
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && addr.IsLoopback() && u.Port() != ""
}
