package app

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	// The port is chosen here, as an operator does: both processes have it from the same settings.
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	ask := func(addr string) (int, string) {
		p := process(t)
		p.Args = []string{"--health", "--admin-addr=" + addr}
		code := Run(context.WithoutCancel(t.Context()), p, "test")
		return code, p.Stderr.(*buffer).String()
	}
	if code, out := ask(addr); code != 1 || !strings.Contains(out, "not ready") {
		t.Errorf("nobody there: exit %d, %s", code, out)
	}

	var down atomic.Bool
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := process(t)
	p.Args = []string{"--admin-addr=" + addr}
	started := make(chan struct{})
	ended := make(chan int)
	go func() {
		ended <- Run(ctx, p, "test", Component{Name: "x", New: func(_ context.Context, d *Deps) (Runner, error) {
			d.Ready.Add("postgres", func(context.Context) error {
				if down.Load() {
					return errors.New("connection refused")
				}
				return nil
			})
			return RunnerFunc(func(ctx context.Context) error { close(started); <-ctx.Done(); return nil }), nil
		}})
	}()
	<-started
	for !strings.Contains(p.Stderr.(*buffer).String(), "msg=ready") { // a line of the log, soon
	}
	_, port, _ := net.SplitHostPort(addr)
	for _, as := range []string{addr, ":" + port, "0.0.0.0:" + port} {
		if code, out := ask(as); code != 0 {
			t.Errorf("ready, asked at %s: exit %d, %s", as, code, out)
		}
	}
	down.Store(true)
	if code, out := ask(addr); code != 1 || !strings.Contains(out, "connection refused") {
		t.Errorf("not ready: exit %d, %s", code, out)
	}
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("exit %d", code)
	}
}

// What does not fit is found before the first component is started, and all of it is named.
func TestSettingsAreCheckedFirst(t *testing.T) {
	t.Parallel()
	type settings struct {
		Number int `env:"NATTER_DATA_DIR"`
	}
	p := process(t)
	p.Environ = []string{"NATTER_DATA_DIR=many", "NATTER_SHUTDOWN_GRACE=soon"}
	started := false
	code := Run(t.Context(), p, "test", trace("first", func(string) { started = true }), Component{Name: "second", Settings: settings{}})
	out := p.Stderr.(*buffer).String()
	if code != 2 || started || !strings.Contains(out, "NATTER_DATA_DIR") || !strings.Contains(out, "NATTER_SHUTDOWN_GRACE") {
		t.Errorf("exit %d, started %v, %s", code, started, out)
	}
}
