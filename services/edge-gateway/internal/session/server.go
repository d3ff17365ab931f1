// Package session is the WebSocket side of the gateway: one session per connection.
//
//	socket ──▶ read ──▶ handle ──┬─▶ command ──▶ natter.in.<p>.<room> ──▶ ack
//	                             ├─▶ marker, fetch, typing ──▶ message-store, bus
//	                             └─▶ hello, resume ──▶ feed.Join ──▶ events
//	queue (bounded bytes; never blocks) ──▶ write: all that is queued in one message ──▶ socket
//
// Lock order: users.mu → session.mu → queue.mu; a feed's lock is taken before any of them, never after.
package session

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"github.com/natter-chat/natter/pkg/config"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/roomlog"
	"github.com/natter-chat/natter/services/edge-gateway/internal/clientaddr"
	"github.com/natter-chat/natter/services/edge-gateway/internal/feed"
	"github.com/natter-chat/natter/services/edge-gateway/internal/presence"
	"github.com/natter-chat/natter/services/edge-gateway/internal/ratelimit"
	"github.com/natter-chat/natter/services/edge-gateway/internal/upstream"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"
)

// Config is the settings of connections.
type Config struct {
	FrameBytes         config.Bytes  `env:"NATTER_FRAME_BYTES" envDefault:"64KiB" help:"largest WebSocket message of a client"`
	QueueBytes         config.Bytes  `env:"NATTER_QUEUE_BYTES" envDefault:"1MiB" help:"what may wait for a slow connection before it is cut off"`
	SendBuffer         config.Bytes  `env:"NATTER_SEND_BUFFER" envDefault:"64KiB" help:"what the kernel may hold for a connection (Linux: up to twice this), so that one whose client does not read is noticed; 0: as the kernel likes"`
	Compression        bool          `env:"NATTER_COMPRESSION" envDefault:"false" help:"compress WebSocket messages of 512 bytes and more for clients that offer it: events that come together shrink to a quarter, for 6 µs of CPU each"`
	WriteTimeout       time.Duration `env:"NATTER_WRITE_TIMEOUT" envDefault:"10s" help:"a connection that takes nothing for this long is cut off"`
	PingInterval       time.Duration `env:"NATTER_PING_INTERVAL" envDefault:"25s" help:"a client that heard nothing for this long sends a ping; the server probes after twice as long"`
	DrainWindow        time.Duration `env:"NATTER_DRAIN_WINDOW" envDefault:"5s" help:"a stopping gateway spreads its clients' reconnects over this time"`
	ConnectionsPerUser int           `env:"NATTER_CONNECTIONS_PER_USER" envDefault:"50" help:"connections of one user to one gateway"`
	CommandsPerSecond  float64       `env:"NATTER_COMMANDS_PER_SECOND" envDefault:"50" help:"sends, edits, reactions … per user and gateway; twice as many in a burst"`
	InFlight           int           `env:"NATTER_IN_FLIGHT" envDefault:"128" help:"commands of one connection that may wait for their ack"`
	Origins            []string      `env:"NATTER_ORIGINS" help:"origins of web pages that may connect, besides the gateway's own; separated by commas; those given in full, such as https://chat.example.org, may use its cookies"`

	ConnectionsPerIP    ratelimit.Limit `env:"NATTER_CONNECTIONS_PER_IP" envDefault:"5000" help:"connections of one client address (of IPv6: a /64) to one gateway, or off"`
	FrameRateConnection ratelimit.Rate  `env:"NATTER_FRAME_RATE_CONNECTION" envDefault:"1000/10s" help:"frames of one connection: a bucket and the time it fills up in, or off"`
	FrameRateUser       ratelimit.Rate  `env:"NATTER_FRAME_RATE_USER" envDefault:"2000/10s" help:"frames of one user to one gateway, or off"`
	FrameRateIP         ratelimit.Rate  `env:"NATTER_FRAME_RATE_IP" envDefault:"50000/10s" help:"frames of one client address to one gateway, or off; a new connection counts as 10"`
	AdmissionRate       ratelimit.Rate  `env:"NATTER_ADMISSION_RATE" envDefault:"5000/1s" help:"new connections, and as many hellos, that the gateway takes on, or off"`
	AdmissionWait       time.Duration   `env:"NATTER_ADMISSION_WAIT" envDefault:"2s" help:"how long a new connection or hello waits for its turn; who would wait longer is told when to come back"`
	TrustedProxies      []netip.Prefix  `env:"NATTER_HTTP_TRUSTED_PROXIES" help:"networks of the reverse proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8"`
}

const (
	// helloTimeout is how long a new connection may take to say who it is.
	helloTimeout = 10 * time.Second
	// flushTime is how long a connection that ends may take to get what is queued for it.
	flushTime = time.Second
	// maxMessage is how much of the queue goes into one WebSocket message.
	maxMessage = 32 << 10
	// probeEvery is how often silent connections are looked for.
	probeEvery = 5 * time.Second
)

// Server accepts connections. It is an http.Handler for the WebSocket's route.
type Server struct {
	cfg      Config
	hub      *feed.Hub
	services *upstream.Services
	people   *presence.Presence
	verifier Verifier
	sender   *roomlog.Sender
	nc       *nats.Conn
	log      *slog.Logger
	metrics  metrics
	queued   atomic.Int64 // bytes in all queues
	workers  *workers
	flushers []*flusher
	accepted atomic.Uint64 // connections, to share them out among the flushers
	epoch    epoch
	users    users

	limits              *limits
	handshakes, resumes *admission
	tooMany             rate.Sometimes // what is said of addresses with too many connections

	helloTimeout time.Duration

	wg   sync.WaitGroup // sessions, the prober, what listens to the bus
	stop chan struct{}  // closed by Close, under users.mu

	flushing sync.WaitGroup // the flushers
	flushed  chan struct{}  // closed by Close when no session is left

	mu       sync.Mutex
	sessions map[*session]struct{}
	draining bool
}

// NewServer returns a server and starts its prober. Close ends it.
func NewServer(cfg Config, hub *feed.Hub, people *presence.Presence, services *upstream.Services, verifier Verifier, nc *nats.Conn,
	log *slog.Logger, reg prometheus.Registerer,
) (*Server, error) {
	s := &Server{
		cfg: cfg, hub: hub, people: people, services: services, verifier: verifier, sender: roomlog.NewSender(nc), nc: nc, log: log,
		helloTimeout: helloTimeout, stop: make(chan struct{}), flushed: make(chan struct{}), workers: newWorkers(), sessions: map[*session]struct{}{},
		tooMany: rate.Sometimes{Interval: time.Minute},
	}
	var err error
	if s.limits, err = newLimits(cfg); err != nil {
		return nil, err
	}
	s.handshakes = newAdmission(cfg.AdmissionRate, cfg.AdmissionWait, s.stop)
	s.resumes = newAdmission(cfg.AdmissionRate, cfg.AdmissionWait, s.stop)
	if s.metrics, err = newMetrics(reg, &s.queued); err != nil {
		return nil, err
	}
	s.users = newUsers(s)
	s.wg.Go(s.users.listen)
	s.wg.Go(s.probe)
	for range runtime.GOMAXPROCS(0) {
		f := newFlusher()
		s.flushers = append(s.flushers, f)
		s.flushing.Go(func() { f.run(s.flushed) })
	}
	return s, nil
}

// ServeHTTP upgrades the connection; it is served until it ends, beyond the return.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	encoding, ok := negotiate(r)
	if !ok {
		http.Error(w, "Sec-WebSocket-Protocol: offer natter.v1.json or natter.v1.proto", http.StatusBadRequest)
		return
	}
	s.metrics.handshakes.Inc()
	address := clientaddr.Key(clientaddr.Proxies(s.cfg.TrustedProxies).Of(r))
	if !s.admitHandshake(w, r, address) {
		return
	}
	if !s.enter() {
		s.limits.leave(address)
		w.Header().Set("Retry-After", "1")
		http.Error(w, "this gateway is stopping", http.StatusServiceUnavailable)
		return
	}
	var c *session
	taken := &hijacked{ResponseWriter: w}
	ws, err := websocket.Accept(taken, r, &websocket.AcceptOptions{
		Subprotocols: []string{encoding.Subprotocol()}, OriginPatterns: s.cfg.Origins, CompressionMode: s.cfg.compression(),
		OnPingReceived: func(context.Context, []byte) bool { return c.allowed(0) },
	})
	if err != nil {
		s.wg.Done()
		s.limits.leave(address)
		s.log.Debug("websocket refused", "error", err) // Accept has answered
		return
	}
	if err := boundSendBuffer(taken.out.conn, int(s.cfg.SendBuffer)); err != nil {
		s.log.Debug("cannot bound the send buffer", "error", err) // a socket that is closed already
	}
	ws.SetReadLimit(int64(s.cfg.FrameBytes))
	c = s.newSession(ws, taken, encoding)
	c.isCompressed = w.Header().Get("Sec-WebSocket-Extensions") != ""
	c.address, c.buckets.address = address, s.limits.addresses.Of(address)
	s.add(c)
	// On a stack of its own: net/http's, with what it holds, is given back.
	if taken.isEager {
		s.workers.do(c.serve)
	} else {
		go c.await()
	}
}

// negotiate chooses among the subprotocols that the client offers; none offered means JSON.
func negotiate(r *http.Request) (wire.Encoding, bool) {
	var offered bool
	for _, header := range r.Header.Values("Sec-Websocket-Protocol") {
		for name := range strings.SplitSeq(header, ",") {
			offered = true
			if name = strings.TrimSpace(name); name != "" {
				if e, ok := wire.ForSubprotocol(name); ok {
					return e, true
				}
			}
		}
	}
	return wire.JSON, !offered
}

func (s *Server) newSession(ws *websocket.Conn, taken *hijacked, encoding wire.Encoding) *session {
	id := ids.New[ids.Instance]().String()
	ctx, cancel := context.WithCancel(context.Background())
	c := &session{
		srv: s, id: id, since: time.Now().UnixMilli(), ws: ws, conn: taken.out.conn, out: taken.out, in: taken.in, encoding: encoding, ctx: ctx, cancel: cancel,
		queue:   queue{encoding: encoding, limit: int(s.cfg.QueueBytes), total: &s.queued},
		ready:   make(chan struct{}),
		buckets: buckets{connection: ratelimit.NewBucket(s.cfg.FrameRateConnection)},
		rooms:   map[ids.Room]membership{},
		flusher: s.flushers[s.accepted.Add(1)%uint64(len(s.flushers))],
	}
	c.queue.start = func() { c.wg.Add(1); c.flusher.add(c) }
	c.touch()
	c.expiry = time.AfterFunc(s.helloTimeout, func() { c.end(endHello) })
	return c
}

// enter lets a connection in, unless the server drains. Whoever is let in calls wg.Done.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	s.wg.Add(1)
	return true
}

func (s *Server) add(c *session) {
	s.metrics.connections.WithLabelValues(c.encoding.Subprotocol()).Inc()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[c] = struct{}{}
	if s.draining { // it began after enter, and does not know of this one
		c.end(endDraining)
		_ = c.conn.Close()
	}
}

// remove releases all that a session took, once its socket is closed.
func (s *Server) remove(c *session) {
	c.cancel()
	c.mu.Lock()
	c.released = true
	if c.expiry != nil {
		c.expiry.Stop()
	}
	c.mu.Unlock()
	c.queue.close()
	c.wg.Wait()
	_ = s.people.Watch(c, nil) // fails for new ones only
	s.users.remove(c)
	c.mu.Lock()
	rooms := c.rooms
	c.rooms = map[ids.Room]membership{}
	c.mu.Unlock()
	for room := range rooms {
		s.hub.Leave(room, c)
	}
	s.metrics.connections.WithLabelValues(c.encoding.Subprotocol()).Dec()
	s.metrics.disconnects.WithLabelValues(c.cause.Load().cause).Inc()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, c)
	s.limits.leave(c.address)
	s.wg.Done()
}

// all returns the sessions of the moment.
func (s *Server) all() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*session, 0, len(s.sessions))
	for c := range s.sessions {
		list = append(list, c)
	}
	return list
}

// probe pings connections from which nothing was heard for twice the ping interval: a peer that vanished without a word
// is found, and one that merely listens is kept.
func (s *Server) probe() {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	var storms storms
	for {
		select {
		case <-s.stop:
			return
		case now := <-tick.C:
			if storms.isOver(s.accepted.Load()) {
				runtime.GC() // and once more below: what pools keep goes with the second
				debug.FreeOSMemory()
			}
			silent := now.Add(-2 * s.cfg.PingInterval).Unix()
			for _, c := range s.all() {
				if c.heard.Load() < silent {
					c.touch() // one probe at a time
					s.wg.Go(c.probe)
				}
			}
		}
	}
}

// storms notices when many connections have come and no more do. What their handshakes left behind would stay until the next
// garbage collection, which is minutes away in a gateway whose connections are idle.
type storms struct{ last, calm uint64 }

// isOver is asked now and then with the number of connections so far.
func (s *storms) isOver(accepted uint64) bool {
	const many, few = 1000, 50
	isCalm := accepted-s.last < few
	s.last = accepted
	if !isCalm || accepted-s.calm < many {
		return false
	}
	s.calm = accepted
	return true
}

// probe ends the connection if its peer does not answer a ping.
func (s *session) probe() {
	ctx, cancel := context.WithTimeout(s.ctx, s.srv.cfg.WriteTimeout)
	defer cancel()
	if err := s.ws.Ping(ctx); err != nil && s.ctx.Err() == nil {
		s.end(endIdle)
	}
}

// Close drains: no new connections; every client is told when to come back, spread over the drain window, and is closed
// at that time. It returns when all are gone, or when ctx ends and the rest has been cut off.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
	s.drain(ctx)
	s.users.mu.Lock()
	close(s.stop) // only now: until their slot, clients are served as ever
	s.users.mu.Unlock()
	defer s.workers.close()
	defer s.flushing.Wait()
	defer close(s.flushed)

	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	left := s.all()
	for _, c := range left {
		c.cancel()
		_ = c.conn.Close() // a close handshake has no context to cancel
	}
	<-done
	if len(left) == 0 {
		return nil
	}
	return fmt.Errorf("cut off %d connections: %w", len(left), ctx.Err())
}

// unavailable is answered while a service behind the gateway is away.
func unavailable(op string, err error) error {
	return fault.New(fault.Unavailable, "not available right now; try again").WithRetryAfter(time.Second).WithCause(op, err)
}
