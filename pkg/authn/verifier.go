package authn

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/lestrrat-go/jwx/v2/jwt"

	"github.com/natter-chat/natter/pkg/fault"
)

const (
	// leeway is how far the clocks of auth and of the verifier may be apart.
	leeway = 30 * time.Second
	// maxToken is the largest token looked at, in bytes; ours have about 500.
	maxToken = 4 << 10
	// maxCached bounds the verified tokens that are remembered; one takes about half a kilobyte.
	maxCached = 32_768
)

var (
	errBadToken     = fault.New(fault.Unauthenticated, "the access token is not valid")
	errExpiredToken = fault.New(fault.Unauthenticated, "the access token has expired")
	errUnknownKey   = errors.New("no such key")
)

// Verifier verifies access tokens without asking auth: it needs only its public keys, which it keeps, so it goes on when
// auth is down. It is safe for concurrent use.
type Verifier struct {
	keys *keySet
	// verified remembers tokens that passed, by their SHA-256, until they expire: a signature costs about 100 µs.
	verified *lru.Cache[[sha256.Size]byte, proof]
}

// proof is what a token that passed said, and the key that it was signed with.
type proof struct {
	identity Identity
	kid      string
}

// NewVerifier returns a verifier of tokens signed by the keys that fetch gets. It fetches when the first token comes.
func NewVerifier(fetch FetchKeys) *Verifier {
	verified, _ := lru.New[[sha256.Size]byte, proof](maxCached) // fails for a size below 1 only
	return &Verifier{keys: newKeySet(fetch), verified: verified}
}

// Verify returns what an access token says. Errors: Unauthenticated when it is malformed, forged, of another kind or
// expired; Unavailable (with RetryAfter) when it names a key that auth cannot be asked for. Roles must not be changed.
func (v *Verifier) Verify(ctx context.Context, token string) (Identity, error) {
	if len(token) > maxToken {
		return Identity{}, errBadToken
	}
	sum := sha256.Sum256([]byte(token))
	if passed, ok := v.verified.Get(sum); ok {
		if time.Now().After(passed.identity.ExpiresAt.Add(leeway)) {
			v.verified.Remove(sum)
			return Identity{}, errExpiredToken
		}
		if _, ok := v.keys.known(passed.kid); ok { // else it was revoked
			return passed.identity, nil
		}
	}
	passed, err := v.verify(ctx, token)
	if err != nil {
		return Identity{}, err
	}
	v.verified.Add(sum, passed)
	return passed.identity, nil
}

// Run keeps the keys fresh until ctx ends: a new one is known before it signs, one that was revoked is refused within a
// minute and a half. Without it they are fetched when a token names an unknown one.
func (v *Verifier) Run(ctx context.Context) { v.keys.run(ctx) }

// isCompact reports whether token is in the compact form of JWS: three parts of base64url. The library reads the JSON
// forms as well, which have unprotected headers and several signatures.
func isCompact(token string) bool {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
	return strings.Count(token, ".") == 2 && strings.Trim(token, alphabet) == ""
}

func (v *Verifier) verify(ctx context.Context, token string) (proof, error) {
	if !isCompact(token) {
		return proof{}, errBadToken
	}
	// jwx gives a key provider another context and reports its error as text, so both bypass it.
	var keyErr error
	var kid string
	provider := jws.KeyProviderFunc(func(_ context.Context, sink jws.KeySink, sig *jws.Signature, _ *jws.Message) error {
		header := sig.ProtectedHeaders()
		if header.Algorithm() != jwa.EdDSA || header.Type() != tokenType {
			keyErr = errors.New("not an access token")
			return keyErr
		}
		key, err := v.keys.get(ctx, header.KeyID())
		if err != nil {
			keyErr = err
			return err
		}
		kid = header.KeyID()
		sink.Key(jwa.EdDSA, key)
		return nil
	})
	parsed, err := jwt.Parse([]byte(token), jwt.WithKeyProvider(provider),
		jwt.WithIssuer(Issuer), jwt.WithAcceptableSkew(leeway), jwt.WithRequiredClaim(jwt.ExpirationKey))
	switch f, isFault := errors.AsType[*fault.Fault](keyErr); {
	case isFault:
		return proof{}, f
	case ctx.Err() != nil:
		return proof{}, fault.From(ctx.Err()).WithCause("verify token", ctx.Err())
	case errors.Is(err, jwt.ErrTokenExpired()):
		return proof{}, errExpiredToken
	case err != nil:
		return proof{}, errBadToken.WithCause("verify token", errors.Join(err, keyErr))
	}
	id, err := identityOf(parsed)
	if err != nil {
		return proof{}, errBadToken.WithCause("verify token", err)
	}
	return proof{id, kid}, nil
}
