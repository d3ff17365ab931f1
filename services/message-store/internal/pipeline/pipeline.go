// Package pipeline takes the commands of rooms and makes them events: in one order, each once, stored before they are
// acknowledged.
//
//	natter.in.<p>.<room> ─▶ Submit ─▶ lane (one goroutine; a partition belongs to one lane)
//	                                   │  gather       what arrived while the last commit ran (no timer)
//	                                   │  cold rooms   wait aside until their head and members are loaded
//	                                   │  resolve      one lookup of all nonces; also within the batch
//	                                   │  decide       against the room's state; assign seq   (package room)
//	                                   │  append       one commit for many rooms              (package store)
//	                                   ▼
//	                      natter.room.<room>.event for each event, then the acks
//
// A room whose append failed (another instance was faster, or the outcome is unknown) loses its state. Its commands wait
// for it to be loaded again and start over: what was stored after all is found by its nonce, the rest is decided anew
// against what is now in the log. Nothing is ever acknowledged from memory that the store does not have.
//
// Files in the order of a command's way: pipeline, lane, load, batch, publish; beside it beacon and markers.
package pipeline

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/lru"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/pkg/roomlog"
	"github.com/natter-chat/natter/pkg/subject"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	"github.com/natter-chat/natter/services/message-store/internal/room"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

const (
	// MaxCommands is how many commands one request may have.
	MaxCommands = roomlog.MaxCommands
	// maxQueue is how many requests a lane holds that are not answered yet: a second's worth. More are refused, with a
	// time to come back, while the queue is still short enough to answer those in it within their 5 s.
	maxQueue = 8192
	// maxQueueBytes bounds what the requests of all lanes hold together.
	maxQueueBytes = 64 << 20
	// maxLoads is how many cold rooms are loaded at the same time.
	maxLoads = 16
	// loadTimeout bounds loading one room; its commands' senders give up after 5 s in all.
	loadTimeout = 3 * time.Second
	// maxAttempts is how often a command starts over before it is answered `unavailable`.
	maxAttempts = 16
	// forgetAfter is how long the state of a room nobody writes to is kept.
	forgetAfter = 10 * time.Minute
	// RetryAfter is what those are told who cannot be served right now.
	RetryAfter = time.Second
)

// Log is what the pipeline needs of the store.
type Log interface {
	Append(ctx context.Context, batches []store.Batch) []error
	FindNonces(ctx context.Context, keys []store.NonceKey) (map[store.NonceKey]store.Stored, error)
	Heads(ctx context.Context, rooms []ids.Room) (map[ids.Room]store.Head, error)
	Events(ctx context.Context, room ids.Room, after uint32, limit, maxBytes int) (store.Log, error)
	Targets(ctx context.Context, refs []store.Ref) (map[store.Ref]*store.Message, error)
	Pins(ctx context.Context, room ids.Room, before uint32, limit int) (store.Page, error)
	MoveMarkers(ctx context.Context, moves []store.Move) ([]store.Moved, error)
	Files(ctx context.Context, list []ids.File) (map[ids.File]*store.File, error)
	ClaimFiles(ctx context.Context, claims []store.Claim, now int64) (lost []store.Claim, err error)
}

// Snapshot is what the rooms service says of a room as of one version.
type Snapshot struct {
	room.Snapshot
	// Pending are the changes after the version that was asked with, up to Version, in order.
	Pending []*busv1.Command
}

// Rooms is where memberships come from.
type Rooms interface {
	// Snapshot returns what a room is and the changes above logVersion. NotFound: there is no such room.
	Snapshot(ctx context.Context, room ids.Room, logVersion uint32) (Snapshot, error)
}

// Publisher is the bus. What it loses, gateways notice and ask for.
type Publisher interface {
	Publish(subject string, data []byte) error
}

// Mentions remembers whom messages call, and hears of it.
type Mentions interface {
	// Remembered returns how many messages up to the head call readers after their markers. Whose marker is at the head was
	// called by none after it as of a time that may be some minutes ago, and so needs no question to the store later on.
	Remembered(ctx context.Context, readers []store.Behind, asOf time.Time) (map[store.Reader]uint32, error)
	Changed(c store.Calling)
}

// Deps is what a pipeline works with.
type Deps struct {
	Log      Log
	Rooms    Rooms
	Bus      Publisher
	Names    Names
	Mentions Mentions
	// HashKey keys the hashes of contents.
	HashKey []byte
	Logger  *slog.Logger
	Metrics prometheus.Registerer
}

// Config is how a pipeline works.
type Config struct {
	// Lanes is how many appends run at the same time: 1 where the store serialises them anyhow.
	Lanes int
	// MaxBatch is how many commands one commit may have.
	MaxBatch int
	// MaxContent is the longest content of a message in bytes.
	MaxContent int
	// MaxPins is how many messages of a room may be pinned.
	MaxPins int
	// Now is the clock.
	Now func() time.Time
}

// Pipeline is the write side of message-store. It is safe for concurrent use.
type Pipeline struct {
	cfg      Config
	log      Log
	rooms    Rooms
	bus      Publisher
	mentions Mentions
	parser   *room.Parser
	logger   *slog.Logger
	metrics  *metrics
	naming   *naming
	markers  *markerMover
	beacon   *beacon
	glances  glances

	lanes  []*lane
	loads  chan struct{} // a slot per load under way
	queued atomic.Int64  // bytes of the requests that are not answered yet
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.RWMutex // held while a lane's inbox is written to, so that it can be closed
	closed bool
}

// New starts a pipeline. Stop it with Close.
func New(cfg Config, d Deps) (*Pipeline, error) {
	ctx, cancel := context.WithCancel(context.Background())
	p := &Pipeline{
		cfg: cfg, log: d.Log, rooms: d.Rooms, bus: d.Bus, mentions: d.Mentions, parser: room.NewParser(d.HashKey, cfg.MaxContent),
		logger: d.Logger, beacon: newBeacon(d.Bus, cfg.Now), glances: glances{heads: lru.New[ids.Room, glance](maxGlances)}, loads: make(chan struct{}, maxLoads), cancel: cancel,
	}
	var err error
	if p.metrics, err = newMetrics(d.Metrics, &p.queued); err != nil {
		cancel()
		return nil, err
	}
	p.naming = newNaming(d.Names, p.admit)
	p.markers = newMarkerMover(d.Log, d.Bus, d.Mentions, p.beacon, d.Logger)
	p.wg.Go(func() { p.markers.run(ctx) })
	p.wg.Go(func() { p.beacon.run(ctx) })
	for range cfg.Lanes {
		l := newLane(p)
		p.lanes = append(p.lanes, l)
	}
	for _, l := range p.lanes {
		l.done.Go(func() { l.run(ctx) })
	}
	return p, nil
}

// Submit takes commands of one room, to be applied in this order, and calls reply once with an outcome per command: from
// another goroutine, or at once when it cannot take them. It never blocks.
func (p *Pipeline) Submit(in ids.Room, commands []*busv1.Command, reply func([]*busv1.Outcome)) {
	r := &request{room: in, reply: reply, arrived: p.cfg.Now(), results: make([]result, len(commands))}
	for _, c := range commands {
		r.bytes += int64(proto.Size(c))
	}
	queued := p.queued.Add(r.bytes)
	if len(commands) > MaxCommands {
		r.fail(p, fault.Invalid("commands", "are more than %d", MaxCommands))
		return
	}
	r.commands = make([]*room.Command, len(commands))
	for i, c := range commands {
		parsed, err := p.parser.Parse(in, c)
		if err != nil {
			r.results[i].refused = fault.From(err)
			continue
		}
		r.commands[i] = parsed
	}
	if queued > maxQueueBytes {
		r.fail(p, tooMuch())
		return
	}
	p.naming.take(r)
}

// admit hands a request to its lane, or answers it when that takes no more.
func (p *Pipeline) admit(r *request) {
	if !p.enqueue(r) {
		r.fail(p, tooMuch())
	}
}

func tooMuch() *fault.Fault {
	return fault.New(fault.Unavailable, "too much at once; try again").WithRetryAfter(RetryAfter)
}

// Role returns what a user is in a room whose log is at least at this version, and how many members it has. It waits for
// the room to be loaded. NotFound: there is no such room, or no longer.
func (p *Pipeline) Role(ctx context.Context, in ids.Room, user ids.User, version uint32) (is role.Role, members int, err error) {
	type answer struct {
		role    role.Role
		members int
	}
	a, err := look(ctx, p, in, version, func(s *room.State) (answer, error) {
		if s.Deleted() {
			return answer{}, fault.New(fault.NotFound, "there is no such room")
		}
		return answer{s.Role(user), s.Members()}, nil
	})
	return a.role, a.members, err
}

// Members returns who is in a room whose log is at least at this version, in no order; nobody, and how many they are, if
// these are more than so many.
func (p *Pipeline) Members(ctx context.Context, in ids.Room, version uint32, most int) (users []ids.User, count int, err error) {
	type answer struct {
		users []ids.User
		count int
	}
	a, err := look(ctx, p, in, version, func(s *room.State) (answer, error) {
		if s.Members() > most {
			return answer{count: s.Members()}, nil
		}
		return answer{s.Users(), s.Members()}, nil
	})
	return a.users, a.count, err
}

// Deleted reports whether the last event of a room's log is its deletion.
func (p *Pipeline) Deleted(ctx context.Context, in ids.Room, version uint32) (bool, error) {
	return look(ctx, p, in, version, func(s *room.State) (bool, error) { return s.Deleted(), nil })
}

// look returns what at says of the state of a room whose log is at least at this version. At is called on the lane that
// owns the state, perhaps when ctx has ended and nobody waits for it.
func look[T any](ctx context.Context, p *Pipeline, in ids.Room, version uint32, at func(*room.State) (T, error)) (is T, err error) {
	type answer struct {
		is  T
		err error
	}
	done := make(chan answer, 1)
	r := &request{room: in, arrived: p.cfg.Now(), version: version, look: func(s *room.State, err error) {
		a := answer{err: err}
		if err == nil {
			a.is, a.err = at(s)
		}
		done <- a
	}}
	if !p.enqueue(r) {
		return is, tooMuch()
	}
	select {
	case a := <-done:
		return a.is, a.err
	case <-ctx.Done():
		return is, fault.E(fault.Unavailable, "pipeline.look", ctx.Err())
	}
}

// MoveMarkers moves markers of members, in this order, and tells the user's devices and small rooms which moved. Now is
// what each of the rooms is.
func (p *Pipeline) MoveMarkers(ctx context.Context, moves []store.Move, now map[ids.Room]Now) error {
	return p.markers.move(ctx, moves, now)
}

// Ahead is where a marker is once what its user said in the room is stored: that is read, and takes a second to be.
func (p *Pipeline) Ahead(who store.Reader, at store.Marker) store.Marker {
	return p.markers.ahead(who, at)
}

// Forget drops the states of the rooms of a partition: another instance writes to them now.
func (p *Pipeline) Forget(partition int) {
	p.beacon.forget(partition)
	p.lanes[partition%len(p.lanes)].forgotten.Or(1 << partition)
}

// enqueue hands a request to its lane; false: the lane's queue is full or closed.
func (p *Pipeline) enqueue(r *request) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return false
	}
	select {
	case p.lanes[subject.Partition(r.room)%len(p.lanes)].inbox <- r:
		return true
	default:
		return false
	}
}

// Close refuses new commands, finishes those it has, and returns when all goroutines have ended. When ctx ends first,
// rooms that are being loaded are given up and their commands answered `unavailable`.
func (p *Pipeline) Close(ctx context.Context) {
	p.naming.close()
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		for _, l := range p.lanes {
			close(l.inbox)
		}
	}
	p.mu.Unlock()
	stop := context.AfterFunc(ctx, p.cancel)
	for _, l := range p.lanes {
		l.done.Wait()
	}
	stop()
	p.cancel() // markers and beacon end after the last commit
	p.wg.Wait()
}
