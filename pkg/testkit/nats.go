package testkit

import (
	"os"
	"path/filepath"
	"testing"
)

// NATS starts a NATS server of its own for tb, as a process on a free port of the loopback, and returns its URL.
func NATS(tb testing.TB) (url string) {
	tb.Helper()
	return serverProcess(tb, "nats")
}

// NATSWith is NATS with this configuration.
func NATSWith(tb testing.TB, configuration string) (url string) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "nats.conf")
	if err := os.WriteFile(path, []byte(configuration), 0o600); err != nil {
		tb.Fatalf("testkit: %v", err)
	}
	return serverProcess(tb, "nats", "", path)
}
