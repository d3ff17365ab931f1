// Package bus connects to NATS, and leaves it. Subjects are in package subject, messages in proto/natter/bus.
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Config is how to reach NATS.
type Config struct {
	URL string `env:"NATTER_NATS_URL" envDefault:"nats://127.0.0.1:4222" help:"NATS servers, separated by commas"`
}

// reconnectWait is how long to wait between two tries of the same server; NATS's own default of 2 s would be most of an
// outage.
const reconnectWait = 250 * time.Millisecond

// connectWait is the time of one attempt, and between two when the first connection fails.
const connectWait = 2 * time.Second

// Connect returns a connection that reconnects by itself for as long as the process lives. It waits for the first one
// until ctx ends, logging what it waits for. What is published while disconnected fails at once instead of being
// buffered: everything on the bus has a way to notice a loss, and a request is better retried than late.
func Connect(ctx context.Context, cfg Config, name string, log *slog.Logger, opts ...nats.Option) (*nats.Conn, error) {
	all := append([]nats.Option{
		nats.Name("natter-" + name),
		nats.CustomInboxPrefix(InboxPrefix(name)),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectWait, reconnectWait),
		nats.ReconnectBufSize(-1),
		nats.Timeout(connectWait),
		nats.PingInterval(5 * time.Second), // a dead server is noticed in 10–15 s even when TCP says nothing
		nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("disconnected from NATS; reconnecting", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) { log.Info("reconnected to NATS", "server", nc.ConnectedUrlRedacted()) }),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			subj := ""
			if sub != nil {
				subj = sub.Subject
			}
			log.Warn("NATS error", "error", err, "subject", subj)
		}),
	}, opts...)
	for {
		nc, err := nats.Connect(cfg.URL, all...)
		if err == nil {
			return nc, nil
		}
		log.Warn("cannot reach NATS; trying again", "url", redact(cfg.URL), "error", err)
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("connect to NATS: %w", errors.Join(ctx.Err(), err))
		case <-time.After(connectWait):
		}
	}
}

// redact takes credentials out of a URL list for the log.
func redact(urls string) string {
	list := strings.Split(urls, ",")
	for i, u := range list {
		if scheme, rest, ok := strings.Cut(u, "://"); ok {
			if _, host, ok := strings.Cut(rest, "@"); ok {
				list[i] = scheme + "://***@" + host
			}
		}
	}
	return strings.Join(list, ",")
}

// InboxPrefix is where a service gets its replies. Each has its own, so that NATS permissions can keep others out.
func InboxPrefix(service string) string { return "_INBOX.natter-" + service }

// Drain unsubscribes, lets the messages under way be handled, flushes and closes. It waits until that is done, or for
// ctx; then it closes at once.
func Drain(ctx context.Context, nc *nats.Conn) error {
	closed := nc.StatusChanged(nats.CLOSED)
	if err := nc.Drain(); err != nil { // not connected: there is nothing to drain
		nc.Close()
		return nil //nolint:nilerr // closing is what was asked for
	}
	if nc.IsClosed() {
		return nil
	}
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		nc.Close()
		return fmt.Errorf("drain NATS: %w", ctx.Err())
	}
}

// Check is the readiness check of a connection: a round trip to the server.
func Check(nc *nats.Conn) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := nc.FlushWithContext(ctx); err != nil {
			return fmt.Errorf("NATS %s: %w", nc.Status(), err)
		}
		return nil
	}
}

// ReservedNoncePrefix begins the nonces that services make; clients may not use it.
const ReservedNoncePrefix = "natter:"

// VersionNonce is the nonce of the command that carries a version of a room: a relay may repeat it.
func VersionNonce(version uint32) string {
	return ReservedNoncePrefix + "v" + strconv.FormatUint(uint64(version), 10)
}
