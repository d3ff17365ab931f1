// Package edgegateway is the only service that users talk to: WebSocket, HTTP API, docs. It is stateless: any number run
// behind a load balancer, and a client may come back to any of them. This file is its wiring.
package edgegateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/natter-chat/natter/pkg/app"
	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/roomlog"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/proto/route"
	"github.com/natter-chat/natter/services/edge-gateway/internal/apitoken"
	"github.com/natter-chat/natter/services/edge-gateway/internal/certificate"
	"github.com/natter-chat/natter/services/edge-gateway/internal/feed"
	"github.com/natter-chat/natter/services/edge-gateway/internal/own"
	"github.com/natter-chat/natter/services/edge-gateway/internal/presence"
	"github.com/natter-chat/natter/services/edge-gateway/internal/rest"
	"github.com/natter-chat/natter/services/edge-gateway/internal/revocation"
	"github.com/natter-chat/natter/services/edge-gateway/internal/session"
	"github.com/natter-chat/natter/services/edge-gateway/internal/upload"
	"github.com/natter-chat/natter/services/edge-gateway/internal/upstream"
	"github.com/natter-chat/natter/services/web"
)

// name is the service's name on the bus and in logs.
const name = "edge-gateway"

// Config is the settings of the gateway.
type Config struct {
	HTTPAddr string `env:"NATTER_HTTP_ADDR" envDefault:"localhost:8080" help:"address of the public listener: WebSocket and HTTP API"`
	TLS      certificate.Config
	Bus      bus.Config
	HTTP     rest.Config
	Files    upload.Config
	Sessions session.Config
	Feeds    feed.Config
	Web      web.Config
}

// Component is the gateway.
var Component = app.Component{Name: name, Settings: Config{}, New: newGateway}

// gateway is the running service. What New took is released by Run, in reverse.
type gateway struct {
	log      *slog.Logger
	grace    time.Duration
	nc       *nats.Conn
	hub      *feed.Hub
	people   *presence.Presence
	revoked  *revocation.List
	sessions *session.Server
	verifier *authn.Verifier
	files    *upload.Service
	listener net.Listener
	server   *http.Server
}

func newGateway(ctx context.Context, d *app.Deps) (app.Runner, error) {
	var cfg Config
	if err := d.Config.Load(&cfg); err != nil {
		return nil, err
	}
	g := &gateway{log: d.Log, grace: d.Grace}
	if err := g.start(ctx, cfg, d); err != nil {
		return nil, errors.Join(err, g.stop())
	}
	return g, nil
}

func (g *gateway) start(ctx context.Context, cfg Config, d *app.Deps) (err error) {
	lost := &onLoss{log: d.Log, resync: func() { g.hub.Resync(); g.people.Resync(); g.sessions.Resync(); g.revoked.Resync() }}
	if g.nc, err = bus.Connect(ctx, cfg.Bus, name, d.Log, slices.Concat(d.NATS, lost.options())...); err != nil {
		return err
	}
	if err := bus.Measure(g.nc, name, d.Metrics); err != nil {
		return err
	}
	client := rpc.NewClient(g.nc)
	services := upstream.New(client)
	g.verifier = authn.NewVerifier(services.Keys)
	g.revoked = revocation.New(apitoken.New(g.verifier, services, cfg.HTTP.RateAuth), services, d.Log)
	if g.hub, err = feed.NewHub(cfg.Feeds, g.nc, services, d.Log, d.Metrics); err != nil {
		return err
	}
	if g.people, err = presence.New(g.nc, ids.New[ids.Instance](), services, d.Log); err != nil {
		return err
	}
	if err := g.people.Measure(d.Metrics); err != nil {
		return err
	}
	if g.sessions, err = session.NewServer(cfg.Sessions, g.hub, g.people, services, g.revoked, g.nc, d.Log, d.Metrics); err != nil {
		return err
	}
	if err := g.revoked.Start(g.nc, g.sessions); err != nil {
		return err
	}
	if g.files, err = upload.New(ctx, cfg.Files, client, d.Log); err != nil {
		return err
	}
	routes, err := route.All()
	if err != nil {
		return err
	}
	pages, err := web.New(cfg.Web)
	if err != nil {
		return err
	}
	api, err := rest.New(rest.Deps{
		Config: cfg.HTTP, Routes: routes, Caller: client, Own: own.Calls{Log: roomlog.NewSender(g.nc)}, Verifier: g.revoked, Files: g.files, Pages: pages,
		Log: d.Log, Metrics: d.Metrics,
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /ws", g.sessions)
	mux.Handle("/", api)
	scripts, styles := pages.PolicySources()
	g.server = &http.Server{
		Handler: rest.SecurityHeaders(cfg.HTTP.TrustedProxies, scripts, styles, mux), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 32 << 10,
	}
	if g.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.HTTPAddr); err != nil {
		return fmt.Errorf("NATTER_HTTP_ADDR: %w; set it to a free address", err)
	}
	files, err := certificate.Load(cfg.TLS, d.Log, time.Now)
	if err != nil {
		return err
	}
	if files != nil {
		if err := files.Measure(d.Metrics); err != nil {
			return err
		}
		g.listener = tls.NewListener(g.listener, files.TLS())
	}
	d.Ready.Add("nats", bus.Check(g.nc))
	d.Ready.Add("auth", func(ctx context.Context) error { _, err := services.Keys(ctx); return err })
	d.Ready.Add("revoked-sessions", g.revoked.Check)
	d.Ready.Add("rooms", func(ctx context.Context) error {
		_, err := services.Memberships(ctx, ids.New[ids.User](), ids.Room{})
		return err
	})
	d.Ready.Add("message-store", func(ctx context.Context) error { _, err := services.Epoch(ctx); return err })
	lost.armed.Store(true)
	return nil
}

// Run serves until ctx ends, then drains: see session.Server.Close.
func (g *gateway) Run(ctx context.Context) error {
	g.log.Info("listening", "address", g.listener.Addr().String())
	ctx, cancel := context.WithCancel(ctx)
	var jobs sync.WaitGroup
	jobs.Go(func() { g.verifier.Run(ctx) })
	defer jobs.Wait()
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- g.server.Serve(g.listener) }()
	select {
	case err := <-served:
		return errors.Join(err, g.stop())
	case <-ctx.Done():
		err := g.stop()
		if end := <-served; !errors.Is(end, net.ErrClosed) && !errors.Is(end, http.ErrServerClosed) {
			err = errors.Join(err, end)
		}
		return err
	}
}

// stop releases what start took, as far as it got. /readyz says already that the process stops. No new connections and
// no further request on an old one; every socket is drained; then the bus is left, which they needed until now.
func (g *gateway) stop() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), g.grace)
	defer cancel()
	if g.listener != nil {
		_ = g.listener.Close() // not accepting comes first; a second close fails
		g.server.SetKeepAlivesEnabled(false)
	}
	if g.sessions != nil {
		err = g.sessions.Close(ctx)
	}
	if g.server != nil {
		err = errors.Join(err, g.server.Shutdown(ctx)) // waits for HTTP requests under way; sockets are gone by now
	}
	if g.files != nil {
		err = errors.Join(err, g.files.Close())
	}
	if g.people != nil {
		g.people.Close()
	}
	if g.revoked != nil {
		g.revoked.Close()
	}
	if g.hub != nil {
		g.hub.Close()
	}
	if g.nc != nil {
		err = errors.Join(err, bus.Drain(ctx, g.nc))
	}
	return err
}

// onLoss asks for everything again when the bus has lost messages: after a reconnect, and after a dropped message.
type onLoss struct {
	log    *slog.Logger
	armed  atomic.Bool // before it is, there is nothing to ask for
	resync func()
}

// options makes NATS report what it dropped (a channel of ours was full) and that it is back.
func (l *onLoss) options() []nats.Option {
	return []nats.Option{
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			l.log.Warn("NATS error", "error", err, "subscription", kindOf(sub))
			if errors.Is(err, nats.ErrSlowConsumer) && l.armed.Load() {
				l.resync()
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			l.log.Info("reconnected to NATS")
			if l.armed.Load() {
				l.resync()
			}
		}),
	}
}

// kindOf is the kind of a subscription, without the ids in its subject.
func kindOf(sub *nats.Subscription) string {
	if sub == nil {
		return ""
	}
	if _, _, ok := subject.ParseRoom(sub.Subject); ok || sub.Subject == "" {
		return "room"
	}
	if _, ok := subject.ParseUser(sub.Subject); ok {
		return "user"
	}
	return sub.Subject
}
