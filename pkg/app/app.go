// Package app runs a binary: an ordered list of components, started one after the other, stopped in reverse.
//
//	app.Main("rooms", rooms.Component)
//	app.Main("natter", embedded.NATS, auth.Component, rooms.Component, messagestore.Component, edgegateway.Component)
//
// The same Run serves main, the one process and the tests.
package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/pkg/config"
	"github.com/natter-chat/natter/pkg/obs"
)

// Component is a part of a binary.
type Component struct {
	Name string
	// Settings is a zero value of the component's tagged config struct, for --help and the table; nil: it has none.
	Settings any
	// New returns when the component is usable: connected, migrated, subscribed. On an error it leaves nothing behind.
	New func(ctx context.Context, d *Deps) (Runner, error)
	// Commands are what its binaries do beside serving.
	Commands []Command
}

// Runner is a started component.
type Runner interface {
	// Run serves until ctx ends, then drains and releases everything that New took. It is called once, always.
	Run(ctx context.Context) error
}

// RunnerFunc is a Runner that is one function.
type RunnerFunc func(ctx context.Context) error

// Run calls f.
func (f RunnerFunc) Run(ctx context.Context) error { return f(ctx) }

// Deps is what a component gets. Config, NATS and Ready are shared by the components of a process.
type Deps struct {
	Config  *config.Source
	Log     *slog.Logger
	Metrics prometheus.Registerer
	Ready   *Readiness
	// NATS is how to reach the bus besides its URL: an embedded server adds itself here.
	NATS []nats.Option
	// Grace is how long this component may take to stop.
	Grace time.Duration
}

// Config is the settings of every binary.
type Config struct {
	AdminAddr string        `env:"NATTER_ADMIN_ADDR" envDefault:"127.0.0.1:8081" help:"address of /metrics, /livez, /readyz and /log-level; not for the public"`
	Pprof     bool          `env:"NATTER_PPROF" envDefault:"false" help:"serve /debug/pprof on the admin address: profiles of CPU and memory"`
	Grace     time.Duration `env:"NATTER_SHUTDOWN_GRACE" envDefault:"30s" help:"time to drain and stop after SIGTERM"`
	StrictEnv bool          `env:"NATTER_STRICT_ENV" envDefault:"true" help:"refuse to start when a NATTER_* variable is unknown"`
	obs.LogConfig
}

// Process is a process's surroundings; tests make their own.
type Process struct {
	Args           []string // without the program's name
	Environ        []string // as os.Environ
	Stdout, Stderr io.Writer
}

// Main runs the components until SIGINT or SIGTERM and exits.
func Main(binary string, components ...Component) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := Run(ctx, Process{Args: os.Args[1:], Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr}, binary, components...)
	stop()
	os.Exit(code)
}

// Run runs the components until ctx ends or one of them fails, or a command of theirs, and returns the exit code: 0 for a
// clean stop, 1 for a failure, 2 for settings that do not fit. What went wrong is on Stderr. With --health it asks the process
// that runs with the same settings instead, and returns 0 when that is ready.
func Run(ctx context.Context, p Process, binary string, components ...Component) int {
	settings := AllSettings(components...)
	command, args := command(components, p.Args)
	p.Args = args
	source, asksHealth, err := parse(p, binary, settings, components)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	var cfg Config
	err = errors.Join(err, source.CheckKnown())
	if err == nil {
		err = errors.Join(source.Load(&cfg), loadAll(source, components))
	}
	if err != nil {
		_, _ = fmt.Fprintf(p.Stderr, "%s: %v\nRun `%s --help` for the settings.\n", binary, err, binary)
		return 2
	}
	if asksHealth {
		if err := health(ctx, cfg.AdminAddr); err != nil {
			_, _ = fmt.Fprintf(p.Stderr, "%s: not ready: %v\n", binary, err)
			return 1
		}
		return 0
	}
	log, level, err := obs.NewLogger(p.Stderr, cfg.LogConfig)
	if err != nil {
		_, _ = fmt.Fprintf(p.Stderr, "%s: %v\n", binary, err)
		return 2
	}
	log.Debug("settings", source.Dump(settings)...)
	if command != nil {
		if err := command.Run(ctx, &Deps{Config: source, Log: log, Metrics: obs.NewRegistry()}, p.Stdout); err != nil {
			_, _ = fmt.Fprintf(p.Stderr, "%s %s: %v\n", binary, command.Words, err)
			return 1
		}
		return 0
	}
	if err := serve(ctx, cfg, source, log, level, components); err != nil {
		log.Error("stopped", "error", err)
		return 1
	}
	return 0
}

// loadAll finds values that do not fit before anything is started.
func loadAll(source *config.Source, components []Component) error {
	var all []error
	for _, c := range components {
		if c.Settings != nil {
			all = append(all, source.Load(reflect.New(reflect.TypeOf(c.Settings)).Interface()))
		}
	}
	return errors.Join(all...)
}

// AllSettings lists the settings of a binary made of these components.
func AllSettings(components ...Component) []config.Setting {
	structs := []any{Config{}}
	for _, c := range components {
		structs = append(structs, c.Settings)
	}
	return config.Settings(structs...)
}

// parse reads environment and flags; a flag wins.
func parse(p Process, binary string, settings []config.Setting, components []Component) (source *config.Source, asksHealth bool, err error) {
	source, unreadable := config.FromEnviron(p.Environ)
	flags := flag.NewFlagSet(binary, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&asksHealth, "health", false, "")
	for _, s := range settings {
		if s.Flag() == "" {
			continue
		}
		flags.Func(s.Flag(), "", func(v string) error { source.Set(s.Name, v); return nil })
	}
	err = flags.Parse(p.Args)
	if errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintf(p.Stdout, "%s is part of Natter, a self-hosted chat system.\n\nUsage: %s [flags]\n\n"+
			"Every setting is a flag and an environment variable; the flag wins. NATTER_X_FILE may name a file that holds NATTER_X. <NAME> stands for a name from a list, as in NATTER_SSO_GOOGLE_CLIENT_ID.\n"+
			"With --health it asks the one that runs with the same settings whether it is ready, and exits with 0 or 1.\n\n", binary, binary)
		writeCommands(p.Stdout, binary, components)
		config.WriteHelp(p.Stdout, settings)
		return source, false, flag.ErrHelp
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return source, asksHealth, errors.Join(unreadable, err)
}

// serve starts the components in order, waits, and stops those that run in reverse order.
func serve(ctx context.Context, cfg Config, source *config.Source, log *slog.Logger, level *slog.LevelVar, components []Component) (err error) {
	began := time.Now()
	reg := obs.NewRegistry()
	ready := &Readiness{}
	admin, err := newAdmin(cfg, level, reg, ready)
	if err != nil {
		return err
	}
	// Stopping takes most components no time, and the gateway its drain window: so each may take half of the grace period,
	// and together they end with it.
	deps := Deps{Config: source, Metrics: reg, Ready: ready, Grace: cfg.Grace / 2}

	failed := make(chan error, len(components)+1)
	running := []*running{start(RunnerFunc(admin.run), "admin", failed)}
	defer func() {
		ready.stopping.Store(true)
		end := time.Now().Add(cfg.Grace)
		for _, r := range slices.Backward(running) {
			err = errors.Join(err, r.stop(log, min(deps.Grace, time.Until(end))))
		}
		log.Info("stopped")
	}()
	for _, c := range components {
		d := deps
		d.Log = log.With("component", c.Name)
		runner, err := c.New(ctx, &d)
		if err != nil {
			return fmt.Errorf("start %s: %w", c.Name, err)
		}
		deps.NATS = d.NATS
		running = append(running, start(runner, c.Name, failed))
	}
	ready.started.Store(true)
	log.Info("ready", "took", time.Since(began).Round(time.Millisecond), "admin", admin.addr())
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// running is a component whose Run is under way.
type running struct {
	name   string
	cancel context.CancelFunc
	done   chan struct{}
}

func start(r Runner, name string, failed chan<- error) *running {
	ctx, cancel := context.WithCancel(context.Background())
	c := &running{name: name, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		err := r.Run(ctx)
		if err == nil && ctx.Err() == nil {
			err = errors.New("ended by itself")
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", name, err)
			failed <- err
		}
	}()
	return c
}

// stop ends the component and waits for it, at most for grace. Its error, if it had failed, was reported.
func (r *running) stop(log *slog.Logger, grace time.Duration) error {
	r.cancel()
	select {
	case <-r.done:
		return nil
	case <-time.After(grace):
		log.Error("component did not stop in time", "component", r.name, "grace", grace)
		return fmt.Errorf("%s did not stop within %s", r.name, grace)
	}
}
