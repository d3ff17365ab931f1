package pipeline

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/room"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// batch is the requests of one commit, by room.
type batch struct {
	rooms map[ids.Room]*roomBatch
	order []*roomBatch
	// found are the events that have a nonce of this batch already.
	found map[store.NonceKey]store.Stored
}

// roomBatch is one room's part of a commit.
type roomBatch struct {
	state    *room.State
	requests []*request
	// made are the nonces that this batch gives an event to.
	made map[store.NonceKey]store.Stored
	// republish are events found by their nonce: their first publication may have been lost.
	republish []store.Stored
	// unproven: a command was settled by the state alone.
	unproven bool
	// broken: the state turned out to be stale, or nobody knows what is stored.
	broken error
}

// commit makes events of the ready requests, up to a full batch, stores them and answers.
func (l *lane) commit(ctx context.Context) {
	b := l.cut()
	if len(b.order) == 0 {
		return
	}
	if err := l.resolve(ctx, b); err != nil {
		for _, rb := range b.order {
			rb.broken = err
		}
		l.conclude(ctx, b)
		return
	}
	now := l.p.cfg.Now().UnixMilli()
	var appends []store.Batch
	var appended []*roomBatch
	for _, rb := range b.order {
		l.decide(rb, b.found, now)
	}
	l.claimFiles(ctx, b.order)
	for _, rb := range b.order {
		if events := rb.state.Batch(); len(events) > 0 && rb.broken == nil {
			appends = append(appends, store.Batch{Room: rb.requests[0].room, Events: events})
			appended = append(appended, rb)
		}
	}
	if len(appends) > 0 {
		began := time.Now()
		outcomes := l.p.log.Append(ctx, appends)
		l.p.metrics.committed(appends, time.Since(began))
		for i, err := range outcomes {
			appended[i].broken = err
		}
	}
	l.prove(ctx, b)
	l.conclude(ctx, b)
}

// conclude answers the rooms whose part is stored, and lets the others start over.
func (l *lane) conclude(ctx context.Context, b *batch) {
	for _, rb := range b.order {
		if rb.broken == nil {
			l.finish(ctx, rb)
			continue
		}
		l.p.metrics.restarted(rb.broken)
		if !errors.Is(rb.broken, store.ErrConflict) && !errors.Is(rb.broken, errBehind) {
			l.p.logger.WarnContext(ctx, "the log failed; reading again what it has", "room", rb.requests[0].room, "error", rb.broken)
		}
		l.again(ctx, rb.requests, rb.broken)
	}
}

// prove checks that what a room's state alone decided was decided on the head of its log: another instance may have
// written since. An append proves it by itself.
func (l *lane) prove(ctx context.Context, b *batch) {
	var rooms []ids.Room
	for id, rb := range b.rooms {
		if rb.unproven && rb.broken == nil && len(rb.state.Batch()) == 0 {
			rooms = append(rooms, id)
		}
	}
	if len(rooms) == 0 {
		return
	}
	heads, err := l.p.log.Heads(ctx, rooms)
	for _, id := range rooms {
		switch rb := b.rooms[id]; {
		case err != nil:
			rb.broken = err
		case heads[id].Seq != rb.state.Head().Seq:
			rb.broken = errBehind
		}
	}
}

// cut takes the requests of the next commit off the ready ones.
func (l *lane) cut() *batch {
	b := &batch{rooms: map[ids.Room]*roomBatch{}}
	late := l.p.cfg.Now().Add(-senderBudget)
	n, taken := 0, 0
	for _, r := range l.ready {
		if n > 0 && n+len(r.commands) > l.p.cfg.MaxBatch {
			break
		}
		taken++
		if r.reply != nil && r.arrived.Before(late) {
			r.fail(l.p, unavailable("pipeline", errLate))
			continue
		}
		n += len(r.commands)
		rb := b.rooms[r.room]
		if rb == nil {
			rb = &roomBatch{state: l.rooms[r.room].state, made: map[store.NonceKey]store.Stored{}}
			b.rooms[r.room] = rb
			b.order = append(b.order, rb)
		}
		rb.requests = append(rb.requests, r)
	}
	l.ready = slices.Delete(l.ready, 0, taken)
	return b
}

// senderBudget is how long a sender waits in all: storing a command after that would only surprise.
const senderBudget = 5 * time.Second

var errLate = errors.New("its sender has given up")

// resolve looks up all nonces, the messages that new commands are about, the files they name, and of a room that is pinned in
// for the first time how much is.
func (l *lane) resolve(ctx context.Context, b *batch) (err error) {
	var keys []store.NonceKey
	for _, rb := range b.order {
		for c := range rb.commands() {
			keys = append(keys, c.Key())
		}
	}
	if b.found, err = l.p.log.FindNonces(ctx, keys); err != nil {
		return err
	}
	var refs []store.Ref
	var withFiles []*room.Command
	for _, rb := range b.order {
		for c := range rb.commands() {
			if _, stored := b.found[c.Key()]; stored {
				continue
			}
			if !c.File.IsZero() {
				withFiles = append(withFiles, c)
			}
			if rb.state.Needs(c) {
				refs = append(refs, ref(c))
			}
			if rb.state.NeedsPins(c) {
				page, err := l.p.log.Pins(ctx, c.Event.Room, math.MaxUint32, l.p.cfg.MaxPins)
				if err != nil {
					return err
				}
				rb.state.LoadPins(len(page.Messages), l.p.cfg.MaxPins)
			}
		}
	}
	if err := l.findFiles(ctx, withFiles); err != nil {
		return err
	}
	if len(refs) == 0 {
		return nil
	}
	targets, err := l.p.log.Targets(ctx, refs)
	for at, m := range targets {
		b.rooms[at.Room].state.Load(m)
	}
	return err
}

// commands yields the commands of a room's part in order, without those that were refused at once.
func (rb *roomBatch) commands() func(func(*room.Command) bool) {
	return func(yield func(*room.Command) bool) {
		for _, r := range rb.requests {
			for _, c := range r.commands {
				if c != nil && !yield(c) {
					return
				}
			}
		}
	}
}

// decide settles every command of a room: by its nonce, or by the room's state, which moves on with each.
func (l *lane) decide(rb *roomBatch, found map[store.NonceKey]store.Stored, now int64) {
	for _, r := range rb.requests {
		for i, c := range r.commands {
			if c == nil {
				continue
			}
			if rb.broken = rb.settle(c, &r.results[i], found, now); rb.broken != nil {
				return
			}
		}
	}
}

// settle fills in the result of one command. An error means that the state is stale.
func (rb *roomBatch) settle(c *room.Command, res *result, found map[store.NonceKey]store.Stored, now int64) error {
	if was, ok := found[c.Key()]; ok {
		if rb.state.Stale(was.Seq) {
			return errBehind
		}
		res.repeat(c, was)
		if res.refused == nil {
			rb.republish = append(rb.republish, was)
		}
		return nil
	}
	if was, ok := rb.made[c.Key()]; ok {
		res.repeat(c, was)
		return nil
	}
	verdict, made, refused := rb.state.Decide(c, now)
	rb.unproven = rb.unproven || verdict != room.Append
	switch verdict {
	case room.Append:
		e := rb.state.Assign(c, now)
		rb.made[c.Key()] = store.Stored{Seq: e.Seq, CreatedAt: e.CreatedAt, Hash: e.Hash}
		res.made = room.Made{Seq: e.Seq, CreatedAt: e.CreatedAt}
	case room.Unchanged:
		res.made, res.duplicate = made, true
	case room.Refused:
		res.refused = refused
	case room.Behind:
		return errBehind
	}
	return nil
}

// repeat is the result of a command whose nonce has an event: the original's, if it asked for the same.
func (res *result) repeat(c *room.Command, was store.Stored) {
	if was.Hash != c.Event.Hash {
		res.refused = &fault.Fault{Code: fault.Conflict, Message: "this nonce was used for something else", Field: "nonce"}
		return
	}
	res.made, res.duplicate = room.Made{Seq: was.Seq, CreatedAt: was.CreatedAt}, true
}
