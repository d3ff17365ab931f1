// Package obs makes the logger and the metrics registry of a process. Both are passed on; nothing here is global.
package obs

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// LogConfig is how a process logs.
type LogConfig struct {
	Level  slog.Level `env:"NATTER_LOG_LEVEL" envDefault:"info" help:"debug, info, warn or error"`
	Format string     `env:"NATTER_LOG_FORMAT" envDefault:"text" help:"text or json"`
}

// NewLogger returns a logger that writes to w, and its level, which may be set while it logs.
func NewLogger(w io.Writer, cfg LogConfig) (*slog.Logger, *slog.LevelVar, error) {
	level := &slog.LevelVar{}
	level.Set(cfg.Level)
	opts := &slog.HandlerOptions{Level: level}
	switch cfg.Format {
	case "text":
		return slog.New(slog.NewTextHandler(w, opts)), level, nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, opts)), level, nil
	}
	return nil, nil, fmt.Errorf("NATTER_LOG_FORMAT: %q is neither text nor json", cfg.Format)
}

// NewRegistry returns a registry with the metrics of the Go runtime, the process and the build.
func NewRegistry() *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg
}

// Register registers a collector, or returns the equal one that another component of this process registered before.
func Register[C prometheus.Collector](reg prometheus.Registerer, c C) (C, error) {
	err := reg.Register(c)
	if are, ok := err.(prometheus.AlreadyRegisteredError); ok { //nolint:errorlint // documented to be returned unwrapped
		if old, ok := are.ExistingCollector.(C); ok {
			return old, nil
		}
	}
	return c, err
}

// LatencyBuckets suit what should take milliseconds: 0.25 ms to 8 s.
var LatencyBuckets = prometheus.ExponentialBuckets(0.00025, 2, 16)
