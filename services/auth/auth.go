// Package auth is the service that knows who people are: accounts, passwords, and the access tokens that every other
// service trusts without asking. This file is its settings and its wiring; internal/service is what it does.
package auth

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/natter-chat/natter/pkg/app"
	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/config"
	"github.com/natter-chat/natter/pkg/obs"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/services/auth/internal/keys"
	"github.com/natter-chat/natter/services/auth/internal/mail"
	"github.com/natter-chat/natter/services/auth/internal/password"
	"github.com/natter-chat/natter/services/auth/internal/secret"
	"github.com/natter-chat/natter/services/auth/internal/service"
	"github.com/natter-chat/natter/services/auth/internal/sso"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/store/postgres"
	"github.com/natter-chat/natter/services/auth/internal/store/sqlite"
)

// Config is the settings of auth. The defaults of argon2id are OWASP's: some 40 ms of one core.
type Config struct {
	Bus          bus.Config
	Database     obs.DatabaseConfig
	PostgresURL  string        `env:"NATTER_POSTGRES_URL" help:"PostgreSQL for users and rooms; empty: SQLite files in NATTER_DATA_DIR" secret:"true"`
	DataDir      string        `env:"NATTER_DATA_DIR" envDefault:"./data" help:"directory of the SQLite files, and of uploaded ones"`
	SecretKey    string        `env:"NATTER_SECRET_KEY" help:"32 bytes in base64 that encrypt the signing keys in the database; make it with openssl rand -base64 32" secret:"true"`
	SecretKeyOld string        `env:"NATTER_SECRET_KEY_OLD" help:"the secret key before this one, while it is replaced: what it encrypted is read, and encrypted anew" secret:"true"`
	KeyRotation  time.Duration `env:"NATTER_KEY_ROTATION" envDefault:"720h" help:"how long a key signs access tokens before the next takes over; 0: until natter keys rotate"`
	TokenTTL     time.Duration `env:"NATTER_ACCESS_TOKEN_TTL" envDefault:"10m" help:"how long an access token is valid, at most 24h"`
	Sessions     service.SessionConfig
	Accounts     service.AccountsConfig
	Audit        service.AuditConfig
	Mail         mail.Config
	SSO          sso.Config

	Argon2Memory  config.Bytes `env:"NATTER_ARGON2_MEMORY" envDefault:"19MiB" help:"memory of one password hash"`
	Argon2Time    uint32       `env:"NATTER_ARGON2_TIME" envDefault:"2" help:"passes of one password hash"`
	Argon2Workers int          `env:"NATTER_ARGON2_WORKERS" envDefault:"0" help:"password hashes at a time; 0: half of the cores"`
	Argon2Queue   int          `env:"NATTER_ARGON2_QUEUE" envDefault:"64" help:"sign-ins that wait for a password hash; more are refused"`
}

// Component is auth.
var Component = app.Component{Name: service.Name, Settings: Config{}, New: newAuth}

// minTokenTTL is the precision of the times in a token.
const minTokenTTL = time.Second

// auth is the running service. What newAuth took is released by stop, in reverse.
type auth struct {
	grace  time.Duration
	store  store.Store
	keys   *keys.Ring
	mail   *mail.Mailer
	svc    *service.Service
	nc     *nats.Conn
	server *rpc.Server
}

func newAuth(ctx context.Context, d *app.Deps) (app.Runner, error) {
	var cfg Config
	if err := d.Config.Load(&cfg); err != nil {
		return nil, err
	}
	a := &auth{grace: d.Grace}
	if err := a.start(ctx, cfg, d); err != nil {
		return nil, errors.Join(err, a.stop())
	}
	return a, nil
}

func (a *auth) start(ctx context.Context, cfg Config, d *app.Deps) (err error) {
	if cfg.TokenTTL < minTokenTTL || cfg.TokenTTL > keys.MaxTokenTTL {
		return fmt.Errorf("NATTER_ACCESS_TOKEN_TTL: %v is not between %v and %v", cfg.TokenTTL, minTokenTTL, keys.MaxTokenTTL)
	}
	if err := cfg.Sessions.Check(cfg.TokenTTL); err != nil {
		return err
	}
	if err := errors.Join(cfg.Accounts.Check(), cfg.Audit.Check()); err != nil {
		return err
	}
	if cfg.KeyRotation != 0 && cfg.KeyRotation < keys.MinRotation {
		return fmt.Errorf("NATTER_KEY_ROTATION: %v is less than %v", cfg.KeyRotation, keys.MinRotation)
	}
	secretKey, err := secret.Parse(cfg.SecretKey, cfg.SecretKeyOld)
	if err != nil {
		return err
	}
	providers, err := sso.New(cfg.SSO)
	if err != nil {
		return err
	}
	attempts, err := secretKey.Box("natter auth single sign-on")
	if err != nil {
		return err
	}
	passwords, err := password.NewHasher(cfg.argon2(), d.Metrics)
	if err != nil {
		return fmt.Errorf("NATTER_ARGON2_*: %w", err)
	}
	watch, err := obs.NewDatabase(cfg.Database, service.Name, "postgres", d.Metrics, d.Log)
	if err != nil {
		return err
	}
	if a.store, err = cfg.openStore(ctx, watch); err != nil {
		return err
	}
	d.Ready.Add(cfg.storeName(), a.store.Ping)
	if a.keys, err = keys.Load(ctx, keys.Config{
		Store: a.store, Secret: secretKey, Rotation: cfg.KeyRotation, Clock: keys.SystemClock(), Log: d.Log,
	}); err != nil {
		return err
	}
	if err := a.keys.Measure(d.Metrics); err != nil {
		return err
	}
	if a.nc, err = bus.Connect(ctx, cfg.Bus, service.Name, d.Log, d.NATS...); err != nil {
		return err
	}
	if err := bus.Measure(a.nc, service.Name, d.Metrics); err != nil {
		return err
	}
	d.Ready.Add("nats", bus.Check(a.nc))
	if a.mail, err = mail.New(cfg.Mail, d.Log, d.Metrics); err != nil {
		return err
	}
	a.svc, err = service.New(service.Deps{
		Store: a.store, Passwords: passwords, Keys: a.keys, TokenTTL: cfg.TokenTTL, Sessions: cfg.Sessions, Bus: a.nc,
		Accounts: cfg.Accounts, Audit: cfg.Audit, Mail: a.mail, PublicURL: cfg.SSO.PublicURL, Secret: secretKey,
		Log: d.Log, Metrics: d.Metrics,
	})
	if err != nil {
		return err
	}
	if cfg.SecretKeyOld != "" {
		if err := a.svc.Reseal(ctx); err != nil {
			return err
		}
	}
	if a.server, err = rpc.NewServer(a.nc, service.Name, d.Log, d.Metrics); err != nil {
		return err
	}
	signOn := service.NewSingleSignOn(a.svc, providers, sso.Sealer{Box: attempts})
	if err := errors.Join(a.svc.Serve(a.server), signOn.Serve(a.server)); err != nil {
		return err
	}
	return a.nc.Flush() // the subscriptions are with the server
}

// argon2 leaves the number of threads at 1: more would make one hash faster, and the pool's bound a lie.
func (cfg Config) argon2() password.Config {
	workers := cfg.Argon2Workers
	if workers == 0 {
		workers = max(1, runtime.GOMAXPROCS(0)/2)
	}
	return password.Config{
		Params:  password.Params{MemoryKiB: uint32(cfg.Argon2Memory / 1024), Time: cfg.Argon2Time, Threads: 1},
		Workers: workers, Queue: cfg.Argon2Queue,
	}
}

// databaseFile is the SQLite file in the data directory.
const databaseFile = "auth.db"

// openStore opens PostgreSQL when it has a URL, else SQLite.
func (cfg Config) openStore(ctx context.Context, watch *obs.Database) (store.Store, error) {
	if cfg.PostgresURL != "" {
		s, err := postgres.Open(ctx, cfg.PostgresURL, watch)
		if err != nil {
			return nil, fmt.Errorf("NATTER_POSTGRES_URL: %w", err)
		}
		return s, nil
	}
	s, err := sqlite.Open(ctx, filepath.Join(cfg.DataDir, databaseFile))
	if err != nil {
		return nil, fmt.Errorf("NATTER_DATA_DIR: %w", err)
	}
	return s, nil
}

// storeName is the store's name in /readyz.
func (cfg Config) storeName() string {
	if cfg.PostgresURL != "" {
		return "auth-postgres"
	}
	return "auth-sqlite"
}

// Run serves until ctx ends, then answers what is under way.
func (a *auth) Run(ctx context.Context) error {
	var jobs sync.WaitGroup
	jobs.Go(func() { a.keys.Run(ctx) })
	jobs.Go(func() { a.svc.CleanUp(ctx) })
	<-ctx.Done()
	jobs.Wait()
	return a.stop()
}

func (a *auth) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), a.grace)
	defer cancel()
	var all []error
	if a.server != nil {
		all = append(all, a.server.Close(ctx))
	}
	if a.mail != nil {
		all = append(all, a.mail.Close(ctx))
	}
	if a.nc != nil {
		all = append(all, bus.Drain(ctx, a.nc))
	}
	if a.store != nil {
		all = append(all, a.store.Close())
	}
	return errors.Join(all...)
}
