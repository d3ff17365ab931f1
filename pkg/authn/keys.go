package authn

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/natter-chat/natter/pkg/fault"
)

const (
	// refreshInterval is the least time between two fetches: tokens with made-up key ids must not become calls to auth.
	refreshInterval = time.Second
	// renewInterval is the time between the fetches of Run.
	renewInterval = time.Minute
	// fetchTimeout bounds one fetch; those who wait for the key wait as long.
	fetchTimeout = 3 * time.Second
)

// FetchKeys gets the public keys of auth as a JWK set (RFC 7517) in JSON.
type FetchKeys func(ctx context.Context) ([]byte, error)

// keySet is the public keys by their kid. It is fetched now and then, and when a kid is not in it: at most once per
// refreshInterval and by one caller at a time. It is replaced as a whole, so a key that auth has dropped goes; while auth is
// away it stays as it is. Known keys never wait.
type keySet struct {
	fetch FetchKeys
	keys  atomic.Pointer[map[string]ed25519.PublicKey]
	// turn is held by the caller that fetches; it guards the two below. A channel, so that waiting ends with the context.
	turn    chan struct{}
	tried   time.Time
	failure error
}

func newKeySet(fetch FetchKeys) *keySet {
	s := &keySet{fetch: fetch, turn: make(chan struct{}, 1)}
	s.keys.Store(&map[string]ed25519.PublicKey{})
	return s
}

// get returns the key of that id. Errors: Unauthenticated when auth has none of that id, Unavailable when auth cannot be
// asked.
func (s *keySet) get(ctx context.Context, kid string) (ed25519.PublicKey, error) {
	if key, ok := s.known(kid); ok {
		return key, nil
	}
	err := s.renew(ctx, func() bool {
		_, ok := s.known(kid) // another caller may have fetched it while this one waited
		return !ok
	})
	switch key, ok := s.known(kid); {
	case ok:
		return key, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fault.New(fault.Unavailable, "tokens cannot be checked right now; try again").
			WithRetryAfter(refreshInterval).WithCause("fetch keys", err)
	}
	return nil, errUnknownKey
}

// known returns a key without asking anybody.
func (s *keySet) known(kid string) (ed25519.PublicKey, bool) {
	key, ok := (*s.keys.Load())[kid]
	return key, ok
}

// renew fetches the keys in its turn if they are wanted then and were not fetched just now. The error is that of the last
// fetch.
func (s *keySet) renew(ctx context.Context, isWanted func() bool) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if isWanted() && (s.tried.IsZero() || time.Since(s.tried) >= refreshInterval) {
		s.failure = s.refresh(ctx)
		s.tried = time.Now()
	}
	return s.failure
}

// run renews the keys until ctx ends.
func (s *keySet) run(ctx context.Context) {
	tick := time.NewTicker(renewInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = s.renew(ctx, func() bool { return true }) // who needs a key that is missing is told
		}
	}
}

// refresh replaces the set. The result is for all who wait, so it does not end with the context of the first.
func (s *keySet) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	raw, err := s.fetch(ctx)
	if err != nil {
		return err
	}
	keys, err := parseKeys(raw)
	if err != nil {
		return err
	}
	if len(keys) == 0 { // auth always has one: what answers is not, or not yet, itself
		return errors.New("no keys")
	}
	s.keys.Store(&keys)
	return nil
}

// EncodeKeys makes the JWK set that FetchKeys gets; the map is by kid.
func EncodeKeys(keys map[string]ed25519.PublicKey) ([]byte, error) {
	set := jwk.NewSet()
	for _, kid := range slices.Sorted(maps.Keys(keys)) {
		key, err := jwk.FromRaw(keys[kid])
		if err != nil {
			return nil, fmt.Errorf("encode key: %w", err)
		}
		err = errors.Join(key.Set(jwk.KeyIDKey, kid), key.Set(jwk.AlgorithmKey, jwa.EdDSA),
			key.Set(jwk.KeyUsageKey, jwk.ForSignature), set.AddKey(key))
		if err != nil {
			return nil, fmt.Errorf("encode key: %w", err)
		}
	}
	return json.Marshal(set)
}

// parseKeys takes the Ed25519 keys with an id out of a JWK set; other kinds are left out, so that a newer auth may have
// some.
func parseKeys(raw []byte) (map[string]ed25519.PublicKey, error) {
	set, err := jwk.Parse(raw, jwk.WithIgnoreParseError(true))
	if err != nil {
		return nil, fmt.Errorf("parse JWK set: %w", err)
	}
	keys := make(map[string]ed25519.PublicKey, set.Len())
	for i := range set.Len() {
		key, _ := set.Key(i)
		var public ed25519.PublicKey
		if key.KeyType() != jwa.OKP || key.KeyID() == "" || key.Raw(&public) != nil {
			continue
		}
		if len(public) != ed25519.PublicKeySize { // jwx lets it pass, and verifying with it would panic
			continue
		}
		keys[key.KeyID()] = public
	}
	return keys, nil
}
