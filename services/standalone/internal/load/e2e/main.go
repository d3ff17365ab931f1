// Command e2e is `make bench-e2e`: the one process, storing every message durably, against the bare baseline, which stores
// nothing, and against itself as a cluster of processes. All run on this machine, with the generator, in rounds that
// alternate; what counts is the ratio within a round.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/natter-chat/natter/services/standalone/internal/embedded"
	"github.com/natter-chat/natter/services/standalone/internal/load"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-e2e:", err)
		os.Exit(1)
	}
}

// options are the choices of the whole benchmark.
type options struct {
	bin         string
	rounds      int
	duration    time.Duration
	settle      time.Duration
	connections int
	only        string
	output      string
	quick       bool
}

func run(ctx context.Context, args []string) error {
	var o options
	fs := flag.NewFlagSet("bench-e2e", flag.ContinueOnError)
	fs.StringVar(&o.bin, "bin", "", "`directory` of the binaries: natter, baseline, the services, nats")
	fs.IntVar(&o.rounds, "rounds", 5, "`number` of rounds")
	fs.DurationVar(&o.duration, "duration", 5*time.Second, "`time` of one measurement")
	fs.IntVar(&o.connections, "connections", 10_000, "`number` of connections of idle and storm, a multiple of 50")
	fs.StringVar(&o.only, "only", "", "run only the benchmarks with this `text` in their name")
	fs.StringVar(&o.output, "json", "", "write the reports of all rounds to this `file`")
	fs.BoolVar(&o.quick, "quick", false, "to try it: 1 round, 2 s, 1,000 connections")
	if err := fs.Parse(args); err != nil {
		return err
	}
	o.settle = 10 * time.Second
	if o.quick {
		o.rounds, o.duration, o.settle, o.connections = 1, 2*time.Second, 2*time.Second, 1000
	}
	dir, err := os.MkdirTemp("", "natter-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b, err := newBench(o, filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	if term.IsTerminal(int(os.Stderr.Fd())) {
		b.progress = load.NewProgress(os.Stderr)
	}
	err = b.run(ctx)
	writeTable(os.Stdout, b.benchmarks)
	if err == nil && o.output != "" {
		err = b.writeJSON(o.output)
	}
	return err
}

// bench is the servers, and what is measured on them.
type bench struct {
	options
	dataDir      string
	natter, bare *server
	cluster      cluster // on natter's data
	benchmarks   []*benchmark
	populations  map[shape]*load.Population // of natter
	progress     *load.Progress
}

// target is what can be measured.
type target interface {
	// start returns when it is ready. It does nothing when it runs.
	start(ctx context.Context) error
	stop()
	// urls are where clients connect, admins those of its processes for their CPU and memory, while it runs.
	urls() []string
	admins() []string
}

// shape is what a population depends on.
type shape struct{ rooms, users, roomsPerUser int }

func shapeOf(s load.Settings) shape { return shape{s.Rooms, s.Users, s.RoomsPerUser} }

// unlimited is natter without the limits that protect it from people like us.
var unlimited = []string{
	"NATTER_FRAME_RATE_CONNECTION=off", "NATTER_FRAME_RATE_USER=off", "NATTER_FRAME_RATE_IP=off", "NATTER_CONNECTIONS_PER_IP=off",
	"NATTER_LOG_LEVEL=warn", "NATTER_COMMANDS_PER_SECOND=1000000", "NATTER_RESUME_EVENTS=1000000", "NATTER_DRAIN_WINDOW=100ms",
	"NATTER_PPROF=true", // on the admin address, for whoever wants to know where the time goes
}

func newBench(o options, dataDir string) (*bench, error) {
	b := &bench{options: o, dataDir: dataDir, benchmarks: o.benchmarks(), populations: map[shape]*load.Population{}}
	addrs, err := freeAddrs(4)
	if err != nil {
		return nil, err
	}
	b.natter = &server{
		name: "natter", path: filepath.Join(o.bin, "natter"), http: addrs[0], admin: addrs[1],
		env: append([]string{"NATTER_DATA_DIR=" + dataDir, "NATTER_HTTP_ADDR=" + addrs[0], "NATTER_ADMIN_ADDR=" + addrs[1]}, unlimited...),
	}
	b.bare = &server{name: "baseline", path: filepath.Join(o.bin, "baseline"), args: addrs[2:], http: addrs[2], admin: addrs[3]}
	return b, nil
}

func (b *bench) run(ctx context.Context) error {
	defer b.natter.stop()
	if err := b.natter.start(ctx); err != nil {
		return err
	}
	if err := b.populate(ctx); err != nil {
		return err
	}
	for round := range b.rounds {
		for _, m := range b.benchmarks {
			if m.skipped != "" || m.once && round > 0 {
				continue
			}
			_, _ = fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, b.rounds, m.name)
			r, err := b.round(ctx, m, round%2 == 1)
			if err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			m.rounds = append(m.rounds, r)
		}
	}
	return nil
}

// populate makes natter's users and rooms, before anything is measured. Benchmarks with more clients than files may be
// open are skipped.
func (b *bench) populate(ctx context.Context) error {
	var stores load.Stores
	stores.Auth.DataDir, stores.Rooms.DataDir = b.dataDir, b.dataDir
	var err error
	if stores.Auth.SecretKey, err = embedded.ReadSecret(b.dataDir); err != nil {
		return err
	}
	if b.cluster, err = newCluster(b.bin, b.dataDir, stores.Auth.SecretKey); err != nil {
		return err
	}
	for _, m := range b.benchmarks {
		if b.populations[shapeOf(m.settings)] != nil {
			continue
		}
		s := m.settings
		s.Servers, s.Admin = b.natter.urls(), b.natter.admins()
		_, _ = fmt.Fprintf(os.Stderr, "users and rooms for %s\n", m.name)
		population, err := load.Natter(ctx, s, stores, b.progress)
		if few, ok := errors.AsType[load.TooFewFiles](err); ok {
			m.skipped = few.Error()
			continue
		}
		if err != nil {
			return err
		}
		b.populations[shapeOf(s)] = population
	}
	b.natter.stop()
	return nil
}

// round measures the servers of a benchmark, one after the other, each alone: the others do not run.
func (b *bench) round(ctx context.Context, m *benchmark, backwards bool) (r round, err error) {
	type turn struct {
		on         target
		population *load.Population
		report     **load.Report
	}
	natters := b.populations[shapeOf(m.settings)]
	turns := []turn{{b.natter, natters, &r.Natter}}
	if m.bare {
		turns = append(turns, turn{b.bare, load.Bare(m.settings), &r.Bare})
	}
	if m.cluster {
		turns = append(turns, turn{b.cluster, natters, &r.Cluster})
	}
	if backwards {
		slices.Reverse(turns)
	}
	for _, t := range turns {
		if *t.report, err = b.measure(ctx, m.settings, t.on, t.population); err != nil {
			return r, err
		}
	}
	return r, nil
}

// measure runs a profile on a freshly started server.
func (b *bench) measure(ctx context.Context, s load.Settings, on target, population *load.Population) (*load.Report, error) {
	defer on.stop()
	if err := on.start(ctx); err != nil {
		return nil, err
	}
	s.Servers, s.Admin = on.urls(), on.admins()
	return load.Run(ctx, s, population, b.progress)
}

func (b *bench) writeJSON(path string) error {
	all := map[string][]round{}
	for _, m := range b.benchmarks {
		all[m.name] = m.rounds
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}
