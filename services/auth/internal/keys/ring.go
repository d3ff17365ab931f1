// Package keys holds the Ed25519 keys that sign access tokens. They live in the store, the private parts encrypted under
// NATTER_SECRET_KEY. All instances of auth share them, and each looks often: any of them takes the step of a rotation
// that is due, in a transaction, and the others follow.
package keys

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/services/auth/internal/secret"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

// lookEvery is how often an instance reads the keys: that long it may sign with a key that was revoked.
const lookEvery = 10 * time.Second

// purpose is that of the secret's box.
const purpose = "natter auth signing keys"

var errWrongSecret = errors.New("NATTER_SECRET_KEY is not the one that the signing keys in the database were encrypted with; " +
	"set that one again, or set it as NATTER_SECRET_KEY_OLD. If it is lost, `natter keys revoke` makes a new signing key: " +
	"sessions go on, clients fetch new access tokens")

// Clock is where a ring gets the time from. The two are apart because wall clocks jump.
type Clock struct {
	// Wall is the time of day.
	Wall func() time.Time
	// Elapsed is the time since some moment, always growing at the speed of time.
	Elapsed func() time.Duration
}

// SystemClock is the clock of this machine.
func SystemClock() Clock {
	began := time.Now()
	return Clock{Wall: time.Now, Elapsed: func() time.Duration { return time.Since(began) }}
}

// Config is what a ring works with.
type Config struct {
	Store  store.Keys
	Secret secret.Key
	// Rotation is how long a key signs until the next is made; 0: for ever.
	Rotation time.Duration
	Clock    Clock
	Log      *slog.Logger
}

// Ring is the keys. It is safe for concurrent use.
type Ring struct {
	cfg Config
	box secret.Box
	now atomic.Pointer[view]

	mu sync.Mutex // held while looking; guards the two below
	// seen is the keys as they were when this instance last saw them change, without what is encrypted; since is when.
	seen  []store.SigningKey
	since time.Duration
}

// view is what a ring serves between two looks. It is immutable.
type view struct {
	kid     string
	private ed25519.PrivateKey // nil: the key cannot be decrypted
	began   time.Time          // when it began to sign
	jwks    []byte
}

// Load reads the keys, and makes the first one when there is none: of instances that start together, one makes it. It
// fails when the secret is not the one that the key was encrypted with.
func Load(ctx context.Context, cfg Config) (*Ring, error) {
	box, err := cfg.Secret.Box(purpose)
	if err != nil {
		return nil, err
	}
	r := &Ring{cfg: cfg, box: box}
	r.now.Store(&view{})
	return r, r.Look(ctx)
}

// Measure registers the metrics of the key that signs. Call it once.
func (r *Ring) Measure(reg prometheus.Registerer) error {
	return errors.Join(
		reg.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "natter_auth_signing_key_timestamp_seconds", Help: "When the key of access tokens began to sign; 0: this instance has none that it can read.",
		}, func() float64 {
			v := r.now.Load()
			if v.private == nil {
				return 0
			}
			return float64(v.began.Unix())
		})),
		reg.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "natter_auth_signing_key_rotation_seconds", Help: "How long a key signs until it is replaced: NATTER_KEY_ROTATION; 0: for ever.",
		}, r.cfg.Rotation.Seconds)),
	)
}

// Run looks at the keys every few seconds until ctx ends. While the store is away, the keys stay as they were.
func (r *Ring) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var failed bool
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := r.Look(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			r.cfg.Log.Warn("cannot look after the signing keys; trying again", "error", err)
		}
		failed = err != nil
	}
}

// Look reads the keys and takes the step that is due.
func (r *Ring) Look(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	stored, err := r.cfg.Store.SigningKeys(ctx)
	if err != nil {
		return fmt.Errorf("read signing keys: %w", err)
	}
	if !reflect.DeepEqual(r.change(stored), stored) {
		if stored, err = r.cfg.Store.UpdateSigningKeys(ctx, r.change); err != nil {
			return fmt.Errorf("change signing keys: %w", err)
		}
	}
	return r.use(stored)
}

// change is what to make of the keys that are stored now, which may be others than those seen.
func (r *Ring) change(stored []store.SigningKey) []store.SigningKey {
	isSettled := reflect.DeepEqual(visible(stored), r.seen) && r.cfg.Clock.Elapsed()-r.since >= settleTime
	now := r.cfg.Clock.Wall().UTC().Truncate(time.Millisecond)
	return rotate(reseal(stored, r.box), now, isSettled, r.cfg.Rotation, r.box)
}

// visible is keys without what changes when they are encrypted anew.
func visible(keys []store.SigningKey) []store.SigningKey {
	all := make([]store.SigningKey, len(keys))
	for i, k := range keys {
		k.Sealed = nil
		all[i] = k
	}
	return all
}

// use serves the keys that are stored. One that cannot be decrypted, because another instance has a newer secret, is
// published all the same; this instance goes on with the key that it has, as long as that is valid.
func (r *Ring) use(stored []store.SigningKey) error {
	before := r.now.Load()
	if all := visible(stored); !reflect.DeepEqual(all, r.seen) {
		r.seen, r.since = all, r.cfg.Clock.Elapsed()
	} else if before.private != nil {
		return nil
	}
	next := &view{}
	public := map[string]ed25519.PublicKey{}
	var undecipherable error
	for _, k := range stored {
		public[k.KeyID] = k.Public
		if k.SignsFrom.IsZero() || next.private != nil {
			continue
		}
		next.began = k.SignsFrom
		if next.kid, next.private = k.KeyID, r.privateKey(k, before); next.private == nil {
			undecipherable = errWrongSecret
		}
	}
	var err error
	if next.jwks, err = authn.EncodeKeys(public); err != nil {
		return err
	}
	r.now.Store(next)
	if before.kid != "" && before.kid != next.kid {
		r.cfg.Log.Info("signing with a new key", "kid", next.kid)
	}
	return undecipherable
}

// privateKey is the private part of k; nil when it cannot be decrypted. That of the key that signed last is known.
func (r *Ring) privateKey(k store.SigningKey, last *view) ed25519.PrivateKey {
	if k.KeyID == last.kid && last.private != nil {
		return last.private
	}
	seed, _, err := r.box.Open(k.Sealed, k.KeyID)
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil
	}
	return ed25519.NewKeyFromSeed(seed)
}

// Sign makes an access token with the newest key that signs. Unavailable when this instance cannot read it.
func (r *Ring) Sign(id authn.Identity) (string, error) {
	v := r.now.Load()
	if v.private == nil {
		return "", fault.E(fault.Unavailable, "sign access token", errWrongSecret)
	}
	return authn.Sign(id, v.kid, v.private)
}

// JWKS is the public keys as a JWK set (RFC 7517) in JSON. It must not be changed.
func (r *Ring) JWKS() []byte { return r.now.Load().jwks }
