// Package ratelimit is the token buckets of the gateway: the HTTP API and the sockets count requests and frames by them,
// per user and per client address.
package ratelimit

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// Rate is how much one user, address or connection may ask: "300/10s" is a bucket of 300 that fills up in 10 s, so 300 at
// once and then 30 a second. "off", the zero Rate, is no limit.
type Rate struct {
	Count int
	Per   time.Duration
}

// UnmarshalText parses a setting.
func (r *Rate) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		*r = Rate{}
		return nil
	}
	count, per, _ := strings.Cut(string(text), "/")
	n, err := strconv.Atoi(count)
	d, durationErr := time.ParseDuration(per)
	if err != nil || durationErr != nil || n <= 0 || d <= 0 {
		return fmt.Errorf("%q is neither off nor a rate such as 60/1m", text)
	}
	*r = Rate{Count: n, Per: d}
	return nil
}

// perSecond is how fast the bucket fills.
func (r Rate) perSecond() rate.Limit { return rate.Limit(float64(r.Count) / r.Per.Seconds()) }

// Limit is how many of something there may be at a time. "off", the zero Limit, is any number.
type Limit int

// UnmarshalText parses a setting.
func (l *Limit) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		*l = 0
		return nil
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n <= 0 {
		return fmt.Errorf("%q is neither off nor a number of at least 1", text)
	}
	*l = Limit(n)
	return nil
}

// Bucket is a token bucket; nil is one that is never empty. It is safe for concurrent use.
type Bucket rate.Limiter

// NewBucket returns a full bucket.
func NewBucket(r Rate) *Bucket {
	if r.Count == 0 {
		return nil
	}
	return (*Bucket)(rate.NewLimiter(r.perSecond(), r.Count))
}

// Take draws n tokens; more than the bucket holds count as all it holds. When they are not there it draws none, and says in
// how long they will be.
func (b *Bucket) Take(now time.Time, n int) (wait time.Duration) {
	if b == nil {
		return 0
	}
	limiter := (*rate.Limiter)(b)
	n = min(n, limiter.Burst())
	if limiter.AllowN(now, n) { // and not a reservation: given back while others reserve, its tokens would be lost
		return 0
	}
	missing := float64(n) - limiter.TokensAt(now)
	return max(1, time.Duration(missing/float64(limiter.Limit())*float64(time.Second)))
}

// maxBuckets bounds the buckets of one kind; one takes about 200 bytes. The least recently used goes first: who comes
// back after 65,536 others gets a full bucket.
const maxBuckets = 65_536

// Buckets holds a bucket per key, such as a user's id or a client's address. It is safe for concurrent use.
type Buckets struct {
	rate  Rate
	mu    sync.Mutex
	byKey *simplelru.LRU[string, *Bucket]
}

// NewBuckets returns buckets of this rate.
func NewBuckets(r Rate) *Buckets {
	byKey, _ := simplelru.NewLRU[string, *Bucket](maxBuckets, nil) // fails for a size below 1 only
	return &Buckets{rate: r, byKey: byKey}
}

// Of returns the bucket of a key, a full one if it is new. Who keeps it goes on drawing from it when it is forgotten here.
func (b *Buckets) Of(key string) *Bucket {
	if b.rate.Count == 0 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	bucket, ok := b.byKey.Get(key)
	if !ok {
		bucket = NewBucket(b.rate)
		b.byKey.Add(key, bucket)
	}
	return bucket
}
