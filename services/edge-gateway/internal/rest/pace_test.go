package rest

import (
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// drip is a body that brings so many bytes after a time, and then its end.
type drip struct {
	every time.Duration
	bytes int
	times int
}

func (d *drip) Read(p []byte) (int, error) {
	<-time.After(d.every) // of the bubble
	if d.times--; d.times < 0 {
		return 0, io.EOF
	}
	return min(d.bytes, len(p)), nil
}

// The time until which a body has to bring its next bytes: it is what ends an upload, so that it must not end a slow one.
func TestPace(t *testing.T) {
	t.Parallel()
	const stall = 30 * time.Second
	for name, tt := range map[string]struct {
		drip  drip
		after time.Duration // from the beginning, when the time is up at last; 0: it never is
	}{
		"fast":                {drip{time.Millisecond, 32 << 10, 1000}, 0},
		"slow, but steady":    {drip{20 * time.Second, minPace * 20, 100}, 0},
		"a burst, then still": {drip{time.Minute, 1 << 20, 2}, stall},
		"too slow":            {drip{10 * time.Second, minPace, 100}, 33 * time.Second}, // after 30 s it has brought what is good for 3 s more
	} {
		synctest.Test(t, func(t *testing.T) {
			var until time.Time
			body := tt.drip
			p := &pacedBody{body: &body, stall: stall, began: time.Now(), setDeadline: func(to time.Time) error { until = to; return nil }}
			var late time.Duration
			for b := make([]byte, 1<<20); ; {
				_, err := p.Read(b)
				if err != nil {
					break
				}
				if time.Now().After(until) {
					late = until.Sub(p.began)
					break
				}
			}
			if late.Round(time.Second) != tt.after {
				t.Errorf("%s: the time was up after %v, want %v", name, late, tt.after)
			}
			if late == 0 && !until.IsZero() {
				t.Errorf("%s: there is still a time limit after the end", name)
			}
		})
	}
}
