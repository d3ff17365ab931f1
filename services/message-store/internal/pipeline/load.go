package pipeline

import (
	"context"
	"fmt"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	"github.com/natter-chat/natter/services/message-store/internal/room"
)

// loaded is a room that was loaded beside the lane.
type loaded struct {
	room  ids.Room
	state *room.State
	// pending are the changes that the rooms service has and the log has not: they come before anything else.
	pending *request
	// partial: there are more of them. The room is loaded again when these are in the log.
	partial bool
	err     error
}

// load starts loading a cold room. A slow one holds up nobody but those who wait for it.
func (l *lane) load(ctx context.Context, id ids.Room) {
	l.loading++
	l.p.metrics.loads.Inc()
	l.done.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, loadTimeout)
		defer cancel()
		done := loaded{room: id}
		select {
		case l.p.loads <- struct{}{}:
			done = l.p.load(ctx, id)
			<-l.p.loads
		case <-ctx.Done():
			done.err = ctx.Err()
		}
		l.loaded <- done // the lane does not end while a load is under way
	})
}

// load reads the head first and the members after it, so that they are never older than the log.
func (p *Pipeline) load(ctx context.Context, id ids.Room) loaded {
	for range maxRereads {
		heads, err := p.log.Heads(ctx, []ids.Room{id})
		if err != nil {
			return loaded{room: id, err: err}
		}
		head := heads[id]
		snapshot, err := p.rooms.Snapshot(ctx, id, head.Version)
		if err != nil {
			return loaded{room: id, err: err}
		}
		if snapshot.Version < head.Version {
			return loaded{room: id, err: fmt.Errorf("the log is at version %d, its members at %d", head.Version, snapshot.Version)}
		}
		done := loaded{room: id, state: room.NewState(head, snapshot.Snapshot)}
		if err := p.recall(ctx, id, done.state); err != nil {
			return loaded{room: id, err: err}
		}
		if snapshot.Version == head.Version {
			return done
		}
		if done.pending, err = p.pending(id, snapshot.Pending); err != nil {
			return loaded{room: id, err: err}
		}
		if n := len(done.pending.commands); n > 0 && done.pending.commands[0].Event.Version == head.Version+1 {
			done.partial = done.pending.commands[n-1].Event.Version < snapshot.Version
			return done
		}
		// The changes that are missing got into the log since its head was read: read it again.
	}
	return loaded{room: id, err: errBehind}
}

// maxRereads is how often a load begins anew because the log moves on beside it.
const maxRereads = 5

// pending makes a request of changes that nobody waits for.
func (p *Pipeline) pending(id ids.Room, changes []*busv1.Command) (*request, error) {
	r := &request{room: id, arrived: p.cfg.Now(), results: make([]result, len(changes))}
	for _, c := range changes {
		parsed, err := p.parser.Parse(id, c)
		if err != nil {
			return nil, fmt.Errorf("pending change: %w", err)
		}
		r.commands = append(r.commands, parsed)
	}
	return r, nil
}

// install makes a loaded room warm and those who waited ready, or tells them that it failed.
func (l *lane) install(ctx context.Context, done loaded) {
	l.loading--
	e := l.rooms[done.room]
	if done.err == nil && done.partial {
		e.state, e.partial = done.state, true
		l.ready = append(l.ready, done.pending)
		return
	}
	waiting := e.waiting
	l.waiting -= len(waiting)
	e.waiting = nil
	if done.err != nil {
		delete(l.rooms, done.room)
		f := fault.From(done.err)
		if f.Code != fault.NotFound {
			l.p.logger.WarnContext(ctx, "cannot load a room", "room", done.room, "error", done.err)
			f = unavailable("load", done.err)
		}
		for _, r := range waiting {
			r.fail(l.p, f)
		}
		return
	}
	e.state = done.state
	if head := done.state.Head(); head.Seq > 0 {
		l.p.beacon.note(done.room, head, done.state.Members())
	}
	if done.pending != nil {
		l.ready = append(l.ready, done.pending)
	}
	for _, r := range waiting {
		l.take(ctx, r) // not admit: a look among them may find the state to be behind
	}
}
