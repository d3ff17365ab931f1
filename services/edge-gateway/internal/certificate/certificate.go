// Package certificate serves TLS with a certificate from files that are replaced while the gateway runs, as cert-manager and
// certbot do.
package certificate

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config names the files. Empty: no TLS, a load balancer ends it.
type Config struct {
	Cert string `env:"NATTER_TLS_CERT" help:"file with the certificate chain of the public listener, in PEM, for wss:// without a load balancer; it may be replaced while the gateway runs"`
	Key  string `env:"NATTER_TLS_KEY" help:"file with the key of that certificate"`
}

// checkEvery is how old a look at the files may be: a handshake looks again after that.
const checkEvery = 10 * time.Second

// Files is a certificate and its key in files. It is safe for concurrent use.
type Files struct {
	cfg Config
	log *slog.Logger
	now func() time.Time

	mu      sync.Mutex
	pair    *tls.Certificate
	seen    [2]stamp // of the files that pair was read from
	checked time.Time
}

// stamp tells whether a file was replaced.
type stamp struct {
	changed time.Time
	size    int64
}

// Load reads the files; nil when the settings name none. An error says what is wrong with them.
func Load(cfg Config, log *slog.Logger, now func() time.Time) (*Files, error) {
	if cfg == (Config{}) {
		return nil, nil //nolint:nilnil // no TLS is an answer, not an error
	}
	if cfg.Cert == "" || cfg.Key == "" {
		return nil, errors.New("NATTER_TLS_CERT and NATTER_TLS_KEY: set both or neither")
	}
	f := &Files{cfg: cfg, log: log, now: now}
	if err := f.read(); err != nil {
		return nil, fmt.Errorf("NATTER_TLS_CERT and NATTER_TLS_KEY: %w", err)
	}
	return f, nil
}

// TLS is the configuration of a listener. HTTP/1.1 only: a WebSocket needs a connection of its own anyway.
func (f *Files) TLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.current(), nil },
	}
}

// Measure registers the metric of the certificate's end. Call it once.
func (f *Files) Measure(reg prometheus.Registerer) error {
	return reg.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "natter_edge_gateway_certificate_expires_timestamp_seconds", Help: "When the TLS certificate that is served ends.",
	}, func() float64 { return float64(f.current().Leaf.NotAfter.Unix()) }))
}

// current is the certificate, read again when a file changed. While the new files do not fit each other (one is replaced
// before the other) or cannot be read, the old certificate serves on.
func (f *Files) current() *tls.Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now().Sub(f.checked) >= checkEvery {
		if err := f.read(); err != nil {
			f.log.Error("the new TLS certificate cannot be used; the old one serves on", "error", err)
		}
	}
	return f.pair
}

// read reads the files if they are others than before.
func (f *Files) read() error {
	f.checked = f.now()
	var seen [2]stamp
	for i, name := range []string{f.cfg.Cert, f.cfg.Key} {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		seen[i] = stamp{info.ModTime(), info.Size()}
	}
	if f.pair != nil && seen == f.seen {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(f.cfg.Cert, f.cfg.Key)
	if err != nil {
		return err
	}
	if f.pair != nil {
		f.log.Info("new TLS certificate", "expires", pair.Leaf.NotAfter)
	}
	f.pair, f.seen = &pair, seen
	return nil
}
