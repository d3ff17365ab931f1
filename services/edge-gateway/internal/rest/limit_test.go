package rest

import (
	"fmt"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	httpv1 "github.com/natter-chat/natter/proto/gen/natter/http/v1"
)

func TestRateSetting(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Rate{"60/1m": {60, time.Minute}, "1/500ms": {1, 500 * time.Millisecond}, "off": {}} {
		if got := (Rate{1, 1}); got.UnmarshalText([]byte(text)) != nil || got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
	for _, text := range []string{"", "60", "60/", "/1m", "0/1m", "-1/1m", "60/0s", "60/-1m", "60/m", "1.5/1m"} {
		if got := new(Rate); got.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestBucketFillsUp(t *testing.T) {
	t.Parallel()
	const class = httpv1.RateClass_RATE_CLASS_READ
	l := newLimiter(map[httpv1.RateClass]Rate{class: {Requests: 2, Per: 10 * time.Second}})
	begin := time.Unix(0, 0)
	for i, test := range []struct {
		after, wait time.Duration
	}{{0, 0}, {0, 0}, {0, 5 * time.Second}, {4 * time.Second, time.Second}, {5 * time.Second, 0}, {5 * time.Second, 5 * time.Second}, {15 * time.Second, 0}} {
		err := l.take(class, "a", begin.Add(test.after))
		if (err == nil) != (test.wait == 0) || err != nil && fault.From(err).RetryAfter.Round(time.Millisecond) != test.wait {
			t.Errorf("%d: got %v, want to wait %v", i, err, test.wait)
		}
	}
	if err := l.take(httpv1.RateClass_RATE_CLASS_WRITE, "a", begin); err != nil {
		t.Errorf("a class without a limit: %v", err)
	}
}

func TestBucketsAreBounded(t *testing.T) {
	t.Parallel()
	const class = httpv1.RateClass_RATE_CLASS_READ
	l := newLimiter(map[httpv1.RateClass]Rate{class: {Requests: 1, Per: time.Hour}})
	now := time.Unix(0, 0)
	for i := range maxBuckets + 10 {
		if err := l.take(class, fmt.Sprint(i), now); err != nil {
			t.Fatal(err)
		}
	}
	if n := l.classes[class].byKey.Len(); n != maxBuckets {
		t.Errorf("%d buckets", n)
	}
	if l.take(class, fmt.Sprint(maxBuckets), now) == nil {
		t.Error("a recent bucket is forgotten")
	}
}
