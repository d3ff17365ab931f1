// Package messagestore is the service that keeps the log of every room: it orders what happens, stores it, publishes it,
// and answers questions about it.
//
//	natter.in.<p>.<room> ─▶ intake ─▶ pipeline ─▶ store (MongoDB or SQLite)
//	                           ▲         │  └─▶ natter.room.<room>.event, natter.head.<p>
//	       ownership (who takes which partition)   └─▶ membership ─▶ rooms (who is in a cold room)
//	natter.rpc.message-store.* ─▶ api ─▶ store, pipeline, search
package messagestore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/pkg/app"
	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/config"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/obs"
	"github.com/natter-chat/natter/pkg/people"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/services/message-store/internal/api"
	"github.com/natter-chat/natter/services/message-store/internal/intake"
	"github.com/natter-chat/natter/services/message-store/internal/markers"
	"github.com/natter-chat/natter/services/message-store/internal/membership"
	"github.com/natter-chat/natter/services/message-store/internal/ownership"
	"github.com/natter-chat/natter/services/message-store/internal/peers"
	"github.com/natter-chat/natter/services/message-store/internal/pipeline"
	"github.com/natter-chat/natter/services/message-store/internal/search"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/usernames"
)

// Config is the settings of message-store.
type Config struct {
	Bus        bus.Config
	Database   obs.DatabaseConfig
	MongoURL   string       `env:"NATTER_MONGODB_URL" help:"MongoDB for messages; empty: an SQLite file in NATTER_DATA_DIR" secret:"true"`
	DataDir    string       `env:"NATTER_DATA_DIR" envDefault:"./data" help:"directory of the SQLite files, and of uploaded ones"`
	Cache      config.Bytes `env:"NATTER_MESSAGES_CACHE" envDefault:"64MiB" help:"memory for who has read how far, and whom messages mention since, so that a reconnect of all does not ask the database"`
	MaxContent config.Bytes `env:"NATTER_MESSAGE_CONTENT" envDefault:"8KiB" help:"longest content of a message"`
	MaxPins    int          `env:"NATTER_ROOM_PINS" envDefault:"100" help:"pinned messages per room, up to 1000"`
	FileQuota  config.Bytes `env:"NATTER_FILE_QUOTA" envDefault:"1GiB" help:"space for the files that one user uploads; 0: any"`
	MaxSaved   int          `env:"NATTER_SAVED_MESSAGES" envDefault:"1000" help:"messages that a user may have saved, up to 10000"`
}

// name of the service on the bus.
const name = "message-store"

// Component is message-store.
var Component = app.Component{Name: name, Settings: Config{}, New: newMessageStore, Commands: []app.Command{
	{Words: "search rebuild", Help: "makes the search index anew; the server may run meanwhile, and finds what is in it so far", Run: rebuildSearch},
}}

const (
	// maxContent keeps the commands of a request within a message of the bus (1 MiB).
	maxContent = 64 << 10
	// maxPins and maxSaved are read as a whole: pins when somebody pins, saved ones when somebody has too many.
	maxPins, maxSaved = 1000, 10_000
)

// engine is what the service needs of either store.
type engine interface {
	pipeline.Log
	api.Log
	api.Files
	search.Log
	markers.Store
	markers.MentionStore
	Meta(ctx context.Context) (store.Meta, error)
	Ping(ctx context.Context) error
	Close() error
}

// service is the running component. What newMessageStore took is released by stop, in reverse.
type service struct {
	grace    time.Duration
	db       *database
	indexer  *search.Indexer
	nc       *nats.Conn
	pipeline *pipeline.Pipeline
	intake   *intake.Intake
	owner    *ownership.Ownership
	server   *rpc.Server
}

func newMessageStore(ctx context.Context, d *app.Deps) (app.Runner, error) {
	var cfg Config
	if err := d.Config.Load(&cfg); err != nil {
		return nil, err
	}
	s := &service{grace: d.Grace}
	if err := s.start(ctx, cfg, d); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *service) start(ctx context.Context, cfg Config, d *app.Deps) (err error) {
	if err := cfg.check(); err != nil {
		return err
	}
	watch, err := obs.NewDatabase(cfg.Database, name, "mongodb", d.Metrics, d.Log)
	if err != nil {
		return err
	}
	if s.db, err = openDatabase(ctx, cfg, watch, d.Log); err != nil {
		return err
	}
	d.Ready.Add(s.db.name, s.db.Ping)
	meta := s.db.meta
	log, err := count(s.db, d.Metrics)
	if err != nil {
		return err
	}
	if s.indexer, err = search.NewIndexer(log, s.db.index, d.Log, d.Metrics); err != nil {
		return err
	}
	s.indexer.Start()
	read, mentions := markers.New(log, int(cfg.Cache)/2), markers.NewMentions(log, int(cfg.Cache)/2)
	forget := func() { read.Clear(); mentions.Clear() }
	if s.nc, err = bus.Connect(ctx, cfg.Bus, name, d.Log, slices.Concat(d.NATS, bus.OnLoss(d.Log, forget))...); err != nil {
		return err
	}
	d.Ready.Add("nats", bus.Check(s.nc))
	client := rpc.NewClient(s.nc)
	rooms, usernames := membership.NewClient(client), usernames.New(client, d.Log)
	if err := errors.Join(bus.Measure(s.nc, name, d.Metrics), usernames.Follow(s.nc)); err != nil {
		return err
	}
	limits := pipeline.Config{Lanes: s.db.lanes, MaxBatch: store.MaxAppend, MaxContent: int(cfg.MaxContent), MaxPins: cfg.MaxPins, Now: time.Now}
	if s.pipeline, err = pipeline.New(limits, pipeline.Deps{
		Log: watched{log, read, s.indexer}, Rooms: rooms, Bus: s.nc, Names: usernames, Mentions: mentions, HashKey: meta.HashKey, Logger: d.Log, Metrics: d.Metrics,
	}); err != nil {
		return err
	}
	if err := peers.Follow(s.nc, read, mentions, s.pipeline, d.Log); err != nil {
		return err
	}
	if s.intake, err = intake.Open(s.nc, s.pipeline, d.Log); err != nil {
		return err
	}
	if s.owner, err = ownership.Start(ctx, s.nc, ids.New[ids.Instance](), s.own, d.Log); err != nil {
		return err
	}
	if err := d.Metrics.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "natter_message_store_partitions", Help: "Partitions of rooms that this instance owns; those of all instances together are 64.",
	}, func() float64 { return float64(s.owner.Count()) })); err != nil {
		return err
	}
	if s.server, err = rpc.NewServer(s.nc, name, d.Log, d.Metrics); err != nil {
		return err
	}
	names, err := people.New(client, d.Log)
	if err != nil {
		return err
	}
	if err := names.Follow(s.nc); err != nil {
		return err
	}
	answers := api.New(api.Deps{
		Log: log, Markers: read, Mentions: mentions, Pipeline: s.pipeline, Owner: s.owner, Rooms: rooms, People: names, Bus: s.nc,
		Search: search.NewSearcher(s.db.index, log), Usernames: usernames, Files: log, Epoch: meta.Epoch, HashKey: meta.HashKey, MaxSaved: cfg.MaxSaved, FileQuota: int64(cfg.FileQuota), Now: time.Now,
	})
	if err := answers.Serve(s.server); err != nil {
		return err
	}
	return s.nc.Flush() // the subscriptions are with the server
}

// check reports settings that are out of their range.
func (cfg *Config) check() error {
	switch {
	case cfg.MaxContent < 1 || cfg.MaxContent > maxContent:
		return fmt.Errorf("NATTER_MESSAGE_CONTENT: must be 1 to %d bytes", maxContent)
	case cfg.MaxPins < 1 || cfg.MaxPins > maxPins:
		return fmt.Errorf("NATTER_ROOM_PINS: must be 1 to %d", maxPins)
	case cfg.MaxSaved < 1 || cfg.MaxSaved > maxSaved:
		return fmt.Errorf("NATTER_SAVED_MESSAGES: must be 1 to %d", maxSaved)
	}
	return nil
}

// own follows a change of the partitions that this instance owns.
func (s *service) own(gained, lost []int) error {
	err := s.intake.Own(gained, lost)
	for _, p := range lost {
		s.pipeline.Forget(p)
	}
	s.indexer.Own(gained, lost)
	return err
}

// Run serves until ctx ends. Then others take over, what was taken is stored and answered, and everything is released.
func (s *service) Run(ctx context.Context) error {
	<-ctx.Done()
	return s.stop()
}

func (s *service) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.grace)
	defer cancel()
	var errs []error
	if s.owner != nil {
		s.owner.Leave()
	}
	if s.intake != nil {
		errs = append(errs, s.intake.Close(ctx))
	}
	if s.server != nil {
		errs = append(errs, s.server.Close(ctx))
	}
	if s.pipeline != nil {
		s.pipeline.Close(ctx)
	}
	if s.nc != nil {
		errs = append(errs, bus.Drain(ctx, s.nc))
	}
	if s.indexer != nil {
		s.indexer.Close()
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	return errors.Join(errs...)
}
