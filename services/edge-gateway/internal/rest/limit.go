package rest

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"github.com/natter-chat/natter/pkg/fault"
	httpv1 "github.com/natter-chat/natter/proto/gen/natter/http/v1"
)

// Rate is how much one user or address may ask: "300/10s" is a bucket of 300 requests that fills up in 10 s, so 300 at
// once and then 30 a second. "off" is no limit.
type Rate struct {
	Requests int
	Per      time.Duration
}

// UnmarshalText parses a setting.
func (r *Rate) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		*r = Rate{}
		return nil
	}
	requests, per, _ := strings.Cut(string(text), "/")
	n, err := strconv.Atoi(requests)
	d, durationErr := time.ParseDuration(per)
	if err != nil || durationErr != nil || n <= 0 || d <= 0 {
		return fmt.Errorf("%q is neither off nor a rate such as 60/1m", text)
	}
	*r = Rate{Requests: n, Per: d}
	return nil
}

// maxBuckets bounds the buckets of one class; one takes about 200 bytes. The least recently used goes first: who comes
// back after 65,536 others gets a full bucket.
const maxBuckets = 65_536

// limiter holds a token bucket per class and key. It is safe for concurrent use.
type limiter struct{ classes map[httpv1.RateClass]*buckets }

type buckets struct {
	rate  Rate
	mu    sync.Mutex
	byKey *simplelru.LRU[string, *rate.Limiter]
}

func newLimiter(rates map[httpv1.RateClass]Rate) *limiter {
	l := &limiter{classes: map[httpv1.RateClass]*buckets{}}
	for class, r := range rates {
		if r.Requests == 0 {
			continue
		}
		byKey, _ := simplelru.NewLRU[string, *rate.Limiter](maxBuckets, nil) // fails for a size below 1 only
		l.classes[class] = &buckets{rate: r, byKey: byKey}
	}
	return l
}

// take draws one token. Without one the error is a resource_exhausted fault that says when there will be.
func (l *limiter) take(class httpv1.RateClass, key string, now time.Time) error {
	b := l.classes[class]
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	bucket, ok := b.byKey.Get(key)
	if !ok {
		bucket = rate.NewLimiter(rate.Limit(float64(b.rate.Requests)/b.rate.Per.Seconds()), b.rate.Requests)
		b.byKey.Add(key, bucket)
	}
	token := bucket.ReserveN(now, 1)
	if wait := token.DelayFrom(now); wait > 0 {
		token.CancelAt(now)
		return fault.New(fault.ResourceExhausted, "too many requests; try again later").WithRetryAfter(wait)
	}
	return nil
}
