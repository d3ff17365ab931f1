package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// checkTimeout bounds one readiness check: a load balancer asks every few seconds.
const checkTimeout = 2 * time.Second

// freshFor is how old checks may be that the metrics show: they are made for /readyz, and for a scrape only when nobody asked of
// late, so that who scrapes often does not ask the databases as often.
const freshFor = 15 * time.Second

// Readiness collects the checks that /readyz runs. It is safe for concurrent use.
type Readiness struct {
	mu                sync.Mutex
	checks            map[string]func(context.Context) error
	results           map[string]string // of the last Check
	checked           time.Time
	started, stopping atomic.Bool
}

// Add registers a check under a name such as "postgres". It must try the real path: a query, a round trip.
func (r *Readiness) Add(name string, check func(context.Context) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.checks == nil {
		r.checks = map[string]func(context.Context) error{}
	}
	r.checks[name] = check
}

// Check runs all checks side by side. The result maps each name to "ok" or what is wrong.
func (r *Readiness) Check(ctx context.Context) (ok bool, results map[string]string) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	r.mu.Lock()
	checks := maps.Clone(r.checks)
	r.mu.Unlock()

	var mu sync.Mutex
	var wg sync.WaitGroup
	ok, results = true, map[string]string{}
	for name, check := range checks {
		wg.Go(func() {
			err := check(ctx)
			mu.Lock()
			defer mu.Unlock()
			results[name] = "ok"
			if err != nil {
				ok, results[name] = false, err.Error()
			}
		})
	}
	wg.Wait()
	if !r.started.Load() {
		ok, results["process"] = false, "starting"
	}
	if r.stopping.Load() {
		ok, results["process"] = false, "stopping"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results, r.checked = results, time.Now()
	return ok, results
}

// readyDesc is the metric of Readiness.
var readyDesc = prometheus.NewDesc("natter_ready", "1 when a check of /readyz passes, 0 when not, as of the last 15 seconds.", []string{"check"}, nil)

// Describe implements prometheus.Collector.
func (r *Readiness) Describe(ch chan<- *prometheus.Desc) { ch <- readyDesc }

// Collect implements prometheus.Collector.
func (r *Readiness) Collect(ch chan<- prometheus.Metric) {
	r.mu.Lock()
	results, age := r.results, time.Since(r.checked)
	r.mu.Unlock()
	if age > freshFor {
		_, results = r.Check(context.Background())
	}
	for name, result := range results {
		value := 0.0
		if result == "ok" {
			value = 1
		}
		ch <- prometheus.MustNewConstMetric(readyDesc, prometheus.GaugeValue, value, name)
	}
}

// admin is the operators' listener.
type admin struct {
	listener net.Listener
	server   *http.Server
}

func newAdmin(cfg Config, level *slog.LevelVar, reg *prometheus.Registry, ready *Readiness) (*admin, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", cfg.AdminAddr)
	if err != nil {
		return nil, fmt.Errorf("NATTER_ADMIN_ADDR: %w; set it to a free address", err)
	}
	if err := reg.Register(ready); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{Registry: reg}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { answer(w, true, nil) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, req *http.Request) {
		ok, results := ready.Check(req.Context())
		answer(w, ok, results)
	})
	mux.HandleFunc("GET /log-level", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, level.Level()) })
	mux.HandleFunc("PUT /log-level", func(w http.ResponseWriter, req *http.Request) { setLevel(w, req, level) })
	if cfg.Pprof {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return &admin{listener: listener, server: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}}, nil
}

func answer(w http.ResponseWriter, ok bool, checks map[string]string) {
	status, text := http.StatusOK, "ok"
	if !ok {
		status, text = http.StatusServiceUnavailable, "unavailable"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct { //nolint:errchkjson // the client went away
		Status string            `json:"status"`
		Checks map[string]string `json:"checks"`
	}{text, checks})
}

// setLevel takes a level as NATTER_LOG_LEVEL does, until the process ends.
func setLevel(w http.ResponseWriter, req *http.Request, level *slog.LevelVar) {
	const longest = 16
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, longest))
	if err == nil {
		err = level.UnmarshalText(bytes.TrimSpace(body))
	}
	if err != nil {
		http.Error(w, "the body is debug, info, warn or error", http.StatusBadRequest)
		return
	}
	_, _ = fmt.Fprintln(w, level.Level())
}

func (a *admin) addr() string { return a.listener.Addr().String() }

func (a *admin) run(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- a.server.Serve(a.listener) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	err := a.server.Close()
	if serveErr := <-done; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}
