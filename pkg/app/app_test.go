package app

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// trace is a component that records when it starts and stops.
func trace(name string, record func(string)) Component {
	return Component{Name: name, New: func(context.Context, *Deps) (Runner, error) {
		record("start " + name)
		return RunnerFunc(func(ctx context.Context) error { <-ctx.Done(); record("stop " + name); return nil }), nil
	}}
}

func TestRunStartsInOrderAndStopsInReverse(t *testing.T) {
	t.Parallel()
	for range 50 {
		var mu sync.Mutex
		var got []string
		record := func(s string) { mu.Lock(); defer mu.Unlock(); got = append(got, s) }
		ctx, cancel := context.WithCancel(t.Context())
		last := Component{Name: "last", New: func(context.Context, *Deps) (Runner, error) {
			return RunnerFunc(func(ctx context.Context) error { cancel(); <-ctx.Done(); return nil }), nil
		}}
		code := Run(ctx, process(t), "test", trace("a", record), trace("b", record), last)
		if want := []string{"start a", "start b", "stop b", "stop a"}; code != 0 || !slices.Equal(got, want) {
			t.Fatalf("exit %d, order %v, want %v", code, got, want)
		}
	}
}

func TestRunStopsWhatRunsWhenAComponentFails(t *testing.T) {
	t.Parallel()
	boom := errors.New("no database")
	fails := map[string]Component{
		"at start": {Name: "broken", New: func(context.Context, *Deps) (Runner, error) { return nil, boom }},
		"later": {Name: "broken", New: func(context.Context, *Deps) (Runner, error) {
			return RunnerFunc(func(context.Context) error { return boom }), nil
		}},
	}
	for name, broken := range fails {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stopped bool
			p := process(t)
			code := Run(t.Context(), p, "test", trace("a", func(s string) { stopped = s == "stop a" }), broken)
			if code != 1 || !stopped || !strings.Contains(p.Stderr.(*buffer).String(), "no database") {
				t.Errorf("exit %d, stopped %v, stderr %s", code, stopped, p.Stderr)
			}
		})
	}
}

func TestReadyz(t *testing.T) {
	t.Parallel()
	p := process(t)
	down := errors.New("connection refused")
	status := map[string]int{}
	var body, metrics string
	ask := func(ctx context.Context, path string) {
		addr := regexp.MustCompile(`admin=(\S+)`).FindStringSubmatch(p.Stderr.(*buffer).String())
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr[1]+path, nil)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		var b bytes.Buffer
		_, _ = b.ReadFrom(res.Body)
		status[path], body = res.StatusCode, b.String()
	}
	ctx, cancel := context.WithCancel(t.Context())
	admitted := make(chan struct{})
	go func() {
		defer cancel()
		<-admitted
		for !strings.Contains(p.Stderr.(*buffer).String(), "msg=ready") {
			if t.Context().Err() != nil {
				return
			}
		}
		ask(ctx, "/livez")
		ask(ctx, "/metrics")
		metrics = body
		ask(ctx, "/debug/pprof/heap")
		ask(ctx, "/readyz")
	}()
	Run(ctx, p, "test", Component{Name: "x", New: func(_ context.Context, d *Deps) (Runner, error) {
		d.Ready.Add("postgres", func(context.Context) error { return down })
		d.Ready.Add("nats", func(context.Context) error { return nil })
		close(admitted)
		return RunnerFunc(func(ctx context.Context) error { <-ctx.Done(); return nil }), nil
	}})
	if status["/livez"] != 200 || status["/metrics"] != 200 || status["/readyz"] != 503 || status["/debug/pprof/heap"] != 404 {
		t.Errorf("status %v", status)
	}
	if !strings.Contains(body, `"postgres":"connection refused"`) || !strings.Contains(body, `"nats":"ok"`) {
		t.Errorf("readyz says %s", body)
	}
	if !strings.Contains(metrics, `natter_ready{check="postgres"} 0`) || !strings.Contains(metrics, `natter_ready{check="nats"} 1`) {
		t.Errorf("the metrics do not say what is ready:\n%s", metrics)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		args    []string
		environ []string
		code    int
		want    string
	}{
		{"help", []string{"--help"}, nil, 0, "--admin-addr"},
		{"unknown flag", []string{"--colour=red"}, nil, 2, "colour"},
		{"unknown argument", []string{"serve"}, nil, 2, "serve"},
		{"unknown variable", nil, []string{"NATTER_ADMIN_ADR=x"}, 2, "did you mean NATTER_ADMIN_ADDR"},
		{"bad value", []string{"--shutdown-grace=soon"}, nil, 2, "NATTER_SHUTDOWN_GRACE"},
		{"bad log format", []string{"--log-format=xml"}, nil, 2, "neither text nor json"},
		{"address in use", []string{"--admin-addr=256.0.0.1:1"}, nil, 1, "NATTER_ADMIN_ADDR"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := process(t)
			p.Args, p.Environ = append(p.Args, tt.args...), tt.environ
			code := Run(t.Context(), p, "test")
			out := p.Stdout.(*buffer).String() + p.Stderr.(*buffer).String()
			if code != tt.code || !strings.Contains(out, tt.want) {
				t.Errorf("exit %d, want %d with %q in:\n%s", code, tt.code, tt.want, out)
			}
		})
	}
}

func process(t *testing.T) Process {
	t.Helper()
	return Process{Args: []string{"--admin-addr=127.0.0.1:0"}, Stdout: &buffer{}, Stderr: &buffer{}}
}
