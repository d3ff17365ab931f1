// Package rooms is the service of rooms and membership: who is in which room, and who may do what there.
//
//	rpc ──▶ service ──▶ store (rules decide under the room's lock; the change goes to the outbox)
//	           └──────▶ relay ──▶ message-store: the change becomes an event of the room's log
package rooms

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/natter-chat/natter/pkg/app"
	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/config"
	"github.com/natter-chat/natter/pkg/obs"
	"github.com/natter-chat/natter/pkg/people"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/services/rooms/internal/memberships"
	"github.com/natter-chat/natter/services/rooms/internal/purge"
	"github.com/natter-chat/natter/services/rooms/internal/relay"
	"github.com/natter-chat/natter/services/rooms/internal/renames"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/service"
	"github.com/natter-chat/natter/services/rooms/internal/store"
	"github.com/natter-chat/natter/services/rooms/internal/store/postgres"
	"github.com/natter-chat/natter/services/rooms/internal/store/sqlite"
)

// Config is the settings of rooms.
type Config struct {
	Bus         bus.Config
	Database    obs.DatabaseConfig
	PostgresURL string       `env:"NATTER_POSTGRES_URL" help:"PostgreSQL for users and rooms; empty: SQLite files in NATTER_DATA_DIR" secret:"true"`
	DataDir     string       `env:"NATTER_DATA_DIR" envDefault:"./data" help:"directory of the SQLite files, and of uploaded ones"`
	Cache       config.Bytes `env:"NATTER_ROOMS_CACHE" envDefault:"64MiB" help:"memory for who is in which room, so that a reconnect of all does not ask the database"`
	Limits      room.Limits
}

// Component is rooms.
var Component = app.Component{Name: service.Name, Settings: Config{}, New: newRooms}

// rooms is the running service. What newRooms took is released by stop, in reverse.
type rooms struct {
	grace   time.Duration
	store   store.Store
	nc      *nats.Conn
	relay   *relay.Relay
	purge   *purge.Sweep
	service *service.Service
	// Changes wait for message-store, which asks for snapshots meanwhile: reads go on until no change is under way.
	reads, changes *rpc.Server
}

func newRooms(ctx context.Context, d *app.Deps) (app.Runner, error) {
	var cfg Config
	if err := d.Config.Load(&cfg); err != nil {
		return nil, err
	}
	r := &rooms{grace: d.Grace}
	if err := r.start(ctx, cfg, d); err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

func (r *rooms) start(ctx context.Context, cfg Config, d *app.Deps) (err error) {
	if err := cfg.Limits.Check(); err != nil {
		return err
	}
	if err := r.openStore(ctx, cfg, d); err != nil {
		return err
	}
	counted, err := store.Count(r.store, d.Metrics)
	if err != nil {
		return err
	}
	known := memberships.New(counted, service.MaxMemberships+1, int(cfg.Cache))
	if r.nc, err = bus.Connect(ctx, cfg.Bus, service.Name, d.Log, slices.Concat(d.NATS, bus.OnLoss(d.Log, known.Clear))...); err != nil {
		return err
	}
	if err := errors.Join(bus.Measure(r.nc, service.Name, d.Metrics), known.Follow(r.nc, d.Log)); err != nil {
		return err
	}
	d.Ready.Add("nats", bus.Check(r.nc))
	if r.relay, err = relay.New(r.store, r.nc, d.Log, d.Metrics); err != nil {
		return err
	}
	r.purge = purge.New(r.store, rpc.NewClient(r.nc), d.Log)
	names, err := people.New(rpc.NewClient(r.nc), d.Log)
	if err != nil {
		return err
	}
	if err := names.Follow(r.nc); err != nil {
		return err
	}
	if err := renames.Follow(r.nc, counted, d.Log); err != nil {
		return err
	}
	if r.reads, err = rpc.NewServer(r.nc, service.Name, d.Log, d.Metrics); err != nil {
		return err
	}
	if r.changes, err = rpc.NewServer(r.nc, service.Name, d.Log, d.Metrics); err != nil {
		return err
	}
	r.service = service.New(counted, known, r.relay, names, r.nc.Publish, cfg.Limits, d.Log)
	if err := r.service.Serve(r.reads, r.changes); err != nil {
		return err
	}
	return r.nc.Flush() // the subscriptions are with the server
}

// openStore opens the store, and sets r.store only to one that is open.
func (r *rooms) openStore(ctx context.Context, cfg Config, d *app.Deps) error {
	watch, err := obs.NewDatabase(cfg.Database, service.Name, "postgres", d.Metrics, d.Log)
	if err != nil {
		return err
	}
	s, err := cfg.openStore(ctx, watch)
	if err != nil {
		return err
	}
	r.store = s
	name := "rooms-sqlite"
	if cfg.PostgresURL != "" {
		name = "rooms-postgres"
	}
	d.Ready.Add(name, func(ctx context.Context) error {
		_, err := r.store.Backlog(ctx)
		return err
	})
	return nil
}

// openStore opens PostgreSQL when it has a URL, else SQLite.
func (cfg Config) openStore(ctx context.Context, watch *obs.Database) (store.Store, error) {
	if cfg.PostgresURL != "" {
		s, err := postgres.Open(ctx, cfg.PostgresURL, watch)
		if err != nil {
			return nil, fmt.Errorf("NATTER_POSTGRES_URL: %w", err)
		}
		return s, nil
	}
	s, err := sqlite.Open(ctx, filepath.Join(cfg.DataDir, "rooms.db"))
	if err != nil {
		return nil, fmt.Errorf("NATTER_DATA_DIR: %w", err)
	}
	return s, nil
}

// Run serves until ctx ends, then answers what is under way.
func (r *rooms) Run(ctx context.Context) error {
	var jobs sync.WaitGroup
	jobs.Go(func() { r.relay.Run(ctx) })
	jobs.Go(func() { r.purge.Run(ctx) })
	jobs.Go(func() { r.service.CleanUp(ctx) })
	jobs.Wait()
	return r.stop()
}

func (r *rooms) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), r.grace)
	defer cancel()
	var errs []error
	for _, server := range []*rpc.Server{r.changes, r.reads} {
		if server != nil {
			errs = append(errs, server.Close(ctx))
		}
	}
	if r.nc != nil {
		errs = append(errs, bus.Drain(ctx, r.nc))
	}
	if r.store != nil {
		errs = append(errs, r.store.Close())
	}
	return errors.Join(errs...)
}
