package load

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Histogram counts durations in buckets that are at most 1/32 of their value wide, as HdrHistogram does. Recording is one
// atomic addition. The zero value is empty.
type Histogram struct {
	buckets [subBuckets * 60]atomic.Uint64
	max     atomic.Int64
}

// subBuckets divide each power of two.
const subBuckets = 32

// bucket is the index for a value: the position of its highest bit and the five bits after it.
func bucket(v uint64) int {
	if v < subBuckets {
		return int(v)
	}
	exp := bits.Len64(v) - 6 // v>>exp has 6 bits: 32 … 63
	return exp*subBuckets + int(v>>exp)
}

// upper is the largest value of a bucket.
func upper(i int) uint64 {
	if i < 2*subBuckets {
		return uint64(i)
	}
	exp := i/subBuckets - 1
	return uint64(i-exp*subBuckets+1)<<exp - 1
}

// Record counts a duration; a negative one counts as 0. It may be called concurrently.
func (h *Histogram) Record(d time.Duration) {
	d = max(d, 0)
	h.buckets[bucket(uint64(d))].Add(1)
	for {
		old := h.max.Load()
		if int64(d) <= old || h.max.CompareAndSwap(old, int64(d)) {
			return
		}
	}
}

// Count is how many durations were recorded.
func (h *Histogram) Count() (n uint64) {
	for i := range h.buckets {
		n += h.buckets[i].Load()
	}
	return n
}

// Quantile is a duration that the share q of all does not exceed, at most 1/32 too large; 0 when there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := max(1, uint64(q*float64(h.Count())+0.5))
	var seen uint64
	for i := range h.buckets {
		if seen += h.buckets[i].Load(); seen >= rank {
			return min(time.Duration(upper(i)), h.Max())
		}
	}
	return h.Max()
}

// Max is the longest duration.
func (h *Histogram) Max() time.Duration { return time.Duration(h.max.Load()) }
