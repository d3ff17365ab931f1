package testkit

import "testing"

// NATS starts a NATS server of its own for tb, as a process on a free port of the loopback, and returns its URL.
func NATS(tb testing.TB) (url string) {
	tb.Helper()
	return serverProcess(tb, "nats")
}
