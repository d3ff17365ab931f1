package rest

import (
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	httpv1 "github.com/natter-chat/natter/proto/gen/natter/http/v1"
	"github.com/natter-chat/natter/services/edge-gateway/internal/ratelimit"
)

func TestLimiterIsPerClass(t *testing.T) {
	t.Parallel()
	const class, other = httpv1.RateClass_RATE_CLASS_READ, httpv1.RateClass_RATE_CLASS_WRITE
	l := limiter{class: ratelimit.NewBuckets(ratelimit.Rate{Count: 1, Per: 10 * time.Second})}
	now := time.Unix(0, 0)
	if err := l.take(class, "a", now); err != nil {
		t.Error(err)
	}
	err := l.take(class, "a", now)
	if f := fault.From(err); f.Code != fault.ResourceExhausted || f.RetryAfter.Round(time.Millisecond) != 10*time.Second {
		t.Errorf("got %v, want to wait 10 s", err)
	}
	if err := l.take(other, "a", now); err != nil {
		t.Errorf("a class without a limit: %v", err)
	}
}
