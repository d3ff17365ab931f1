// Package password hashes passwords with argon2id (RFC 9106) and checks them. It is made to be slow, so it is bounded:
// what does not fit its workers and its queue is refused at once, and a storm of sign-ins leaves the rest of the process
// its cores and its memory.
package password

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/text/unicode/norm"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/obs"
)

// retryAfter is what those are told that found the queue full: about the time to work off the default queue.
const retryAfter = 2 * time.Second

// Config bounds a Hasher.
type Config struct {
	Params  Params
	Workers int // hashes at a time; each takes a core and the memory of Params
	Queue   int // those who may wait for a worker
}

// Hasher is safe for concurrent use. It has no goroutines: the callers do the work, in turn.
type Hasher struct {
	params  Params
	slots   chan struct{}
	waiting atomic.Int64
	limit   int64
	// nobody is the hash of a password that nobody knows: what is compared with when there is nothing to compare with.
	nobody  hash
	seconds prometheus.Histogram
}

// NewHasher returns a hasher that registers its metrics with reg. It hashes once: the first sign-in of a process is no
// slower than the others.
func NewHasher(cfg Config, reg prometheus.Registerer) (*Hasher, error) {
	if err := cfg.Params.check(); err != nil {
		return nil, err
	}
	if cfg.Workers < 1 || cfg.Queue < 0 {
		return nil, fmt.Errorf("%d workers with a queue of %d cannot hash passwords", cfg.Workers, cfg.Queue)
	}
	h := &Hasher{params: cfg.Params, slots: make(chan struct{}, cfg.Workers), limit: int64(cfg.Queue)}
	h.nobody = h.derive([]byte(rand.Text()))
	var err error
	h.seconds, err = obs.Register(reg, prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "natter_auth_argon2_seconds", Help: "Time to compute one password hash.", Buckets: obs.LatencyBuckets,
	}))
	if err != nil {
		return nil, fmt.Errorf("argon2 metrics: %w", err)
	}
	queue := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "natter_auth_argon2_queue", Help: "Sign-ins and registrations that wait for a password hash.",
	}, func() float64 { return float64(h.waiting.Load()) })
	if err := reg.Register(queue); err != nil {
		return nil, fmt.Errorf("argon2 metrics: %w", err)
	}
	return h, nil
}

// Hash returns the hash of a password in PHC form. Errors: Unavailable with RetryAfter when too many wait already, and
// when ctx ends first.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	release, err := h.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	return h.derive(normal(password)).String(), nil
}

// Verify reports whether encoded is a hash of password. When encoded is empty, because there is no such user or none
// with a password, it does the same work and reports false: the time must not tell. Errors as Hash, and Internal for a
// malformed hash.
func (h *Hasher) Verify(ctx context.Context, password, encoded string) (bool, error) {
	stored := h.nobody
	if encoded != "" {
		var err error
		if stored, err = parse(encoded); err != nil {
			return false, fault.E(fault.Internal, "password.Verify", err)
		}
	}
	release, err := h.acquire(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	return stored.matches(normal(password)), nil
}

// IsCheap reports whether a hash takes less memory or fewer passes than new ones do.
func (h *Hasher) IsCheap(encoded string) bool {
	stored, err := parse(encoded)
	return err == nil && (stored.MemoryKiB < h.params.MemoryKiB || stored.Time < h.params.Time)
}

// acquire takes a worker's slot, waiting in the queue if it has room.
func (h *Hasher) acquire(ctx context.Context) (release func(), err error) {
	select {
	case h.slots <- struct{}{}:
	default:
		defer h.waiting.Add(-1)
		if h.waiting.Add(1) > h.limit {
			return nil, fault.New(fault.Unavailable, "too many people sign in right now; try again").WithRetryAfter(retryAfter)
		}
		select {
		case h.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	began := time.Now()
	return func() {
		h.seconds.Observe(time.Since(began).Seconds())
		<-h.slots
	}, nil
}

func (h *Hasher) derive(password []byte) hash {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	return hash{Params: h.params, salt: salt, key: derive(h.params, salt, keySize, password)}
}

// normal is the same for every way to compose a letter: keyboards differ (NIST SP 800-63B, 3.1.1.2).
func normal(password string) []byte { return norm.NFKC.Bytes([]byte(password)) }
