package bus

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/testkit"
)

func TestConnectWaitsUntilCtxEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if nc, err := Connect(ctx, Config{URL: "nats://127.0.0.1:1"}, "test", slog.New(slog.DiscardHandler)); err == nil {
		nc.Close()
		t.Error("connected to nothing")
	}
}

func TestDrainAndCheck(t *testing.T) {
	t.Parallel()
	nc, err := Connect(t.Context(), Config{URL: testkit.NATS(t)}, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	handled := 0
	messages, err := nc.SubscribeSync("x")
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if err := nc.Publish("x", nil); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := Check(nc)(ctx); err != nil {
		t.Errorf("check of a live connection: %v", err)
	}
	for range 10 {
		if _, err := messages.NextMsgWithContext(t.Context()); err == nil {
			handled++
		}
	}
	if err := Drain(t.Context(), nc); err != nil || !nc.IsClosed() || handled != 10 {
		t.Errorf("drain: %v, closed %v, handled %d", err, nc.IsClosed(), handled)
	}
	if err := Drain(t.Context(), nc); err != nil {
		t.Errorf("drain of a closed connection: %v", err)
	}
	if err := Check(nc)(ctx); err == nil {
		t.Error("a closed connection passes the check")
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	got := redact("nats://ada:hunter2@a:4222,tls://token@b,nats://c")
	if strings.Contains(got, "hunter2") || strings.Contains(got, "token") || !strings.Contains(got, "a:4222") || !strings.HasSuffix(got, "nats://c") {
		t.Errorf("redact = %s", got)
	}
}

func TestVersionNonce(t *testing.T) {
	t.Parallel()
	if n := VersionNonce(7); n != "natter:v7" || !strings.HasPrefix(n, ReservedNoncePrefix) {
		t.Errorf("VersionNonce(7) = %s", n)
	}
}
