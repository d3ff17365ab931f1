// Package bus connects to NATS, and leaves it. Subjects are in package subject, messages in proto/natter/bus.
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Config is how to reach NATS.
type Config struct {
	URL     string `env:"NATTER_NATS_URL" envDefault:"nats://127.0.0.1:4222" help:"NATS servers, separated by commas; tls:// for TLS"`
	NKey    string `env:"NATTER_NATS_NKEY" help:"seed of the key by which this service signs in to NATS; natter nkeys makes them" secret:"true"`
	TLSCA   string `env:"NATTER_NATS_TLS_CA" help:"file with the certificates that NATS servers are trusted by, in PEM; empty: those of the system"`
	TLSCert string `env:"NATTER_NATS_TLS_CERT" help:"file with the certificate that this service shows to NATS, in PEM; needs the key as well"`
	TLSKey  string `env:"NATTER_NATS_TLS_KEY" help:"file with the key of that certificate"`
}

// options are what the settings mean to NATS. The files are read again at every connect, so they may be replaced.
func (cfg Config) options() ([]nats.Option, error) {
	var opts []nats.Option
	if cfg.NKey != "" {
		pair, err := nkeys.FromSeed([]byte(strings.TrimSpace(cfg.NKey)))
		if err != nil {
			return nil, fmt.Errorf("NATTER_NATS_NKEY: not the seed of a key (%w); make one with `natter nkeys`", err)
		}
		public, err := pair.PublicKey()
		if err != nil {
			return nil, fmt.Errorf("NATTER_NATS_NKEY: %w", err)
		}
		// Without the second a client gives up for good when it is refused twice, as while keys are replaced.
		opts = append(opts, nats.Nkey(public, pair.Sign), nats.IgnoreAuthErrorAbort())
	}
	if cfg.TLSCA != "" {
		opts = append(opts, nats.RootCAs(cfg.TLSCA))
	}
	switch {
	case cfg.TLSCert != "" && cfg.TLSKey != "":
		opts = append(opts, nats.ClientCert(cfg.TLSCert, cfg.TLSKey))
	case cfg.TLSCert != "" || cfg.TLSKey != "":
		return nil, errors.New("NATTER_NATS_TLS_CERT and NATTER_NATS_TLS_KEY: set both or neither")
	}
	return opts, nil
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
	settings, err := cfg.options()
	if err != nil {
		return nil, err
	}
	all := slices.Concat([]nats.Option{
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
	}, settings, opts)
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
