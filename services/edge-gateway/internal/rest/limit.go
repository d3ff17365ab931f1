package rest

import (
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	httpv1 "github.com/natter-chat/natter/proto/gen/natter/http/v1"
	"github.com/natter-chat/natter/services/edge-gateway/internal/ratelimit"
)

// limiter holds the token buckets of each class of routes. A class that is not in it has no limit.
type limiter map[httpv1.RateClass]*ratelimit.Buckets

// take draws one token of a user or address. Without one the error is a resource_exhausted fault that says when there will be.
func (l limiter) take(class httpv1.RateClass, key string, now time.Time) error {
	buckets, ok := l[class]
	if !ok {
		return nil
	}
	if wait := buckets.Of(key).Take(now, 1); wait > 0 {
		return fault.New(fault.ResourceExhausted, "too many requests; try again later").WithRetryAfter(wait)
	}
	return nil
}
