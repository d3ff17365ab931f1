package authn

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/lestrrat-go/jwx/v2/jwt"

	"github.com/natter-chat/natter/pkg/ids"
)

// Identity is what an access token says: who asks, in which session, and until when.
type Identity struct {
	Caller Caller
	Roles  []string
	// ExpiresAt has a precision of one second.
	ExpiresAt time.Time
	// IsAPIToken: it was no access token but an API token, which may do what its Scopes say.
	IsAPIToken bool
	Scopes     []string
}

// May reports whether what needs a scope may be done: with an access token anything, with an API token what it was made
// for. What needs "" is for access tokens only.
func (id Identity) May(scope string) bool { return !id.IsAPIToken || slices.Contains(id.Scopes, scope) }

const (
	// Issuer is the iss of every access token. What tells one Natter from another is its keys.
	Issuer = "natter"
	// tokenType is the typ header of an access token (RFC 9068): nothing else that the same keys may sign one day passes
	// for one.
	tokenType = "at+jwt"
)

// The private claims.
const (
	claimEmail    = "email"
	claimUsername = "username"
	claimPicture  = "picture"
	claimSession  = "sid"
	claimRoles    = "roles"
)

// Sign makes the access token of id: a JWT (RFC 7519) signed with EdDSA, whose kid header names the key. Only auth has
// such a key; the format is here so that it stands beside its reader.
func Sign(id Identity, kid string, key ed25519.PrivateKey) (string, error) {
	token, err := jwt.NewBuilder().Issuer(Issuer).Subject(id.Caller.User.String()).
		IssuedAt(time.Now()).Expiration(id.ExpiresAt).
		Claim(claimEmail, id.Caller.Email).Claim(claimUsername, id.Caller.Username).Claim(claimPicture, id.Caller.Avatar).
		Claim(claimSession, id.Caller.Session.String()).Claim(claimRoles, id.Roles).Build()
	if err != nil {
		return "", fmt.Errorf("build token: %w", err)
	}
	headers := jws.NewHeaders()
	if err := errors.Join(headers.Set(jws.TypeKey, tokenType), headers.Set(jws.KeyIDKey, kid)); err != nil {
		return "", fmt.Errorf("token headers: %w", err)
	}
	signed, err := jwt.Sign(token, jwt.WithKey(jwa.EdDSA, key, jws.WithProtectedHeaders(headers)))
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return string(signed), nil
}

// identityOf reads the claims of a token whose signature and times are verified.
func identityOf(token jwt.Token) (Identity, error) {
	user, err := ids.ParseUser(token.Subject())
	if err != nil {
		return Identity{}, fmt.Errorf("sub: %w", err)
	}
	session, err := ids.ParseSession(text(token, claimSession))
	if err != nil {
		return Identity{}, fmt.Errorf("sid: %w", err)
	}
	id := Identity{
		Caller: Caller{
			User: user, Username: text(token, claimUsername), Avatar: text(token, claimPicture), Email: text(token, claimEmail),
			Session: session,
		},
		ExpiresAt: token.Expiration(),
	}
	roles, _ := token.Get(claimRoles)
	list, _ := roles.([]any)
	for _, r := range list {
		if role, ok := r.(string); ok {
			id.Roles = append(id.Roles, role)
		}
	}
	return id, nil
}

// text is a claim that is a string; "" when it is missing.
func text(token jwt.Token, claim string) string {
	v, _ := token.Get(claim)
	s, _ := v.(string)
	return s
}
