// Package peertest is the services that rooms talks to, for tests: over a real bus, by the rules of the real ones as far
// as rooms can tell, and with faults on demand.
package peertest

import (
	"context"
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/natter-chat/natter/pkg/bus"
)

// Connect returns a connection that tb closes.
func Connect(tb testing.TB, url string) *nats.Conn {
	tb.Helper()
	nc, err := bus.Connect(context.Background(), bus.Config{URL: url}, "peertest", slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	return nc
}
