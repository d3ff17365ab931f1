package ratelimit

import (
	"fmt"
	"sync"
	"testing"
	"time"
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

func TestLimitSetting(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Limit{"1": 1, "5000": 5000, "off": 0} {
		if got := Limit(7); got.UnmarshalText([]byte(text)) != nil || got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
	for _, text := range []string{"", "0", "-1", "1.5", "many"} {
		if got := new(Limit); got.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q: got %v", text, *got)
		}
	}
}

func TestBucketFillsUp(t *testing.T) {
	t.Parallel()
	b := NewBucket(Rate{Count: 2, Per: 10 * time.Second})
	begin := time.Unix(0, 0)
	for i, test := range []struct {
		after time.Duration
		n     int
		wait  time.Duration
	}{
		{0, 1, 0}, {0, 1, 0}, {0, 1, 5 * time.Second}, {4 * time.Second, 1, time.Second}, {5 * time.Second, 1, 0},
		{5 * time.Second, 1, 5 * time.Second}, {5 * time.Second, 2, 10 * time.Second}, {15 * time.Second, 2, 0},
		{25 * time.Second, 99, 0}, {26 * time.Second, 99, 9 * time.Second},
	} {
		if wait := b.Take(begin.Add(test.after), test.n).Round(time.Millisecond); wait != test.wait {
			t.Errorf("%d: got %v, want to wait %v", i, wait, test.wait)
		}
	}
}

// However many are refused at the same time: none of them costs the others a token.
func TestRefusalsTakeNothing(t *testing.T) {
	t.Parallel()
	b, now := NewBucket(Rate{Count: 1, Per: time.Second}), time.Unix(0, 0)
	b.Take(now, 1)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10_000 {
				if b.Take(now, 1) == 0 {
					t.Error("a token came from nowhere")
				}
			}
		})
	}
	all.Wait()
	if wait := b.Take(now, 1).Round(time.Millisecond); wait != time.Second {
		t.Errorf("the next token comes in %v, want 1 s", wait)
	}
}

func TestBucketsAreOfTheirKey(t *testing.T) {
	t.Parallel()
	b, now := NewBuckets(Rate{Count: 1, Per: time.Hour}), time.Unix(0, 0)
	if b.Of("a").Take(now, 1) != 0 || b.Of("a").Take(now, 1) == 0 || b.Of("b").Take(now, 1) != 0 {
		t.Error("a and b do not have one token each")
	}
	off := NewBuckets(Rate{})
	for range 1000 {
		if off.Of("a").Take(now, 1) != 0 {
			t.Fatal("no limit limits")
		}
	}
}

func TestBucketsAreBounded(t *testing.T) {
	t.Parallel()
	b, now := NewBuckets(Rate{Count: 1, Per: time.Hour}), time.Unix(0, 0)
	for i := range maxBuckets + 10 {
		if b.Of(fmt.Sprint(i)).Take(now, 1) != 0 {
			t.Fatalf("%d has no bucket of its own", i)
		}
	}
	if n := b.byKey.Len(); n != maxBuckets {
		t.Errorf("%d buckets", n)
	}
	if b.Of(fmt.Sprint(maxBuckets)).Take(now, 1) == 0 {
		t.Error("a recent bucket is forgotten")
	}
}
