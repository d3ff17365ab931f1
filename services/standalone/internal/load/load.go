// Package load is `natter load`: it puts users of many kinds on a running Natter and measures what it does to them. The
// benchmark (e2e) runs it against the one process and against a bare server (baseline).
//
//	Settings ─▶ Population: users, rooms, members ─▶ connections ─▶ a profile: fanout, reach, ack, idle, storm, chat
//	connection (one goroutine each) ─▶ frames ─▶ seat (order, duplicates, holes by seq) and profile (latency, throughput)
//	meter (CPU and memory of the server, from its admin port) ─▶ Report
//
// It shares the machine with the server, so it is frugal: no SDK, no reflection for the frames of the hot path.
package load

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// Profile is a kind of load.
type Profile struct {
	Name string
	// What it does, in a line of the help.
	What string
	// Rooms, and Users of each, are the defaults.
	Rooms, Users int
	run          func(*run, context.Context) error
}

// Profiles are all there are.
func Profiles() []Profile {
	return []Profile{
		{"fanout", "senders keep --window messages in flight, or send at --rate; done when every member has it", 50, 20, (*run).fanout},
		{"reach", "a member writes to all once a second; how long until the last one has it?", 1, 1000, (*run).reach},
		{"ack", "every user sends, and sends again when that is acked (stored)", 50, 1, (*run).ack},
		{"idle", "everyone connects and stays; how much memory does a connection take?", 20, 50, (*run).idle},
		{"storm", "everyone drops at once and comes back at once, with resume", 20, 50, (*run).storm},
		{"chat", "most read, few write; typing and read markers", 20, 50, (*run).chat},
	}
}

// run is one measurement under way.
type run struct {
	Settings
	id       string // makes the nonces those of this run
	progress *Progress
	clients  []*connection
	rooms    []*room
	stop     context.CancelCauseFunc // ends the run, with what is wrong
	start    time.Time
	meter    meter

	// measuring: what happens counts.
	measuring        atomic.Bool
	deliveries, acks atomic.Int64
	presences        atomic.Int64 // changes of watched people that reached somebody
	latency, ackTime Histogram
	reached          Histogram // from when a message was due until every member had it
	report           *Report
}

// Run runs one profile and reports. It fails when the server refuses something or a connection breaks; what was lost,
// doubled or out of order does not fail it, the report says so.
func Run(ctx context.Context, s Settings, population *Population, progress *Progress) (*Report, error) {
	profile, err := s.check()
	if err != nil {
		return nil, err
	}
	if err := s.EnoughFiles(ctx); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r := &run{Settings: s, id: randomHex(), progress: progress, stop: stop, start: time.Now(), meter: newMeter(s.Admin)}
	r.report = &Report{
		Profile: s.Profile, Target: population.target, Encoding: s.encoding().String(),
		Rooms: s.Rooms, UsersPerRoom: s.Users, Connections: s.connections(),
	}
	if len(population.tokens) != s.connections() || len(population.rooms) != s.Rooms {
		return nil, errors.New("the population was made for other settings")
	}
	population.clients(r)
	defer r.disconnect()
	// Whoever waits in a write to a server that does not read ends, too.
	undo := context.AfterFunc(ctx, r.drop)
	defer undo()
	err = profile.run(r, ctx)
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause // a client's, which ended the rest
	}
	if err != nil {
		return nil, err
	}
	r.disconnect()
	r.tally()
	return r.report, nil
}

// disconnect closes what is open, and waits until no client reads any more.
func (r *run) disconnect() {
	r.drop()
	for _, c := range r.clients {
		c.wait()
	}
}

func (r *run) drop() {
	for _, c := range r.clients {
		c.drop()
	}
}

// settled waits until every member has every message, or patience ends; what is missing then is counted as lost.
func (r *run) settled(ctx context.Context) {
	const patience = 10 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for r.outstanding() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// outstanding is how many deliveries are still to come: every room has as many members.
func (r *run) outstanding() (n int64) {
	for _, c := range r.clients {
		n += c.sent.Load()*int64(r.Users) - c.received.Load()
	}
	return n
}

// tally counts what went wrong. All clients have stopped.
func (r *run) tally() {
	for _, c := range r.clients {
		for _, s := range c.seats {
			r.report.Lost += len(s.missing)
			if last, head := s.last.Load(), s.room.head.Load(); last < head {
				r.report.Lost += int(head - last)
			}
			r.report.Duplicates += s.duplicates
			r.report.OutOfOrder += s.outOfOrder
		}
	}
	// What nobody got, and was not acked, raised no head.
	r.report.Lost = max(r.report.Lost, int(r.outstanding()))
}

// now is the time since the run began: what stamps carry.
func (r *run) now() time.Duration { return time.Since(r.start) }

// sleep waits; false: ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
