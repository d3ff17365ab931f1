package client

import (
	"math/rand/v2"
	"time"
)

// Reconnecting clients must not come back in step: each wait is drawn from the whole of [0, ceiling), and the ceiling
// doubles ("full jitter": https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
const (
	firstCeiling = 500 * time.Millisecond
	lastCeiling  = 30 * time.Second
	// stableAfter is how long a connection must have lived for the next one to start at the first ceiling again: a server
	// that welcomes and then drops everybody must not be hammered.
	stableAfter = 5 * time.Second
)

// ceiling is the longest wait after this many failures in a row (0: the first).
func ceiling(failures int) time.Duration {
	if failures > 10 {
		return lastCeiling
	}
	return min(firstCeiling<<failures, lastCeiling)
}

// jitter draws a wait.
func jitter(failures int) time.Duration { return rand.N(ceiling(failures)) }
