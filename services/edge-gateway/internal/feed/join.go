package feed

import (
	"context"
	"fmt"
	"slices"

	"github.com/natter-chat/natter/pkg/ids"
)

// Cursor is where a member's view of a room ends.
type Cursor struct {
	Room ids.Room
	// Seq is the last event the member has.
	Seq uint32
	// MemberAt is the head as of which the user is known to be a member: a removal after it counts, one before it does not.
	MemberAt uint32
	// Resumed: the client asked for what it missed, so it is told when it has all of it.
	Resumed bool
	// Reset: the cursor means nothing (another epoch); the member starts at the head.
	Reset bool

	isFetched bool // what was missed was not all in memory
}

// Join makes m a member of a room's feed: it gets the events above the cursor, then live ones, in order and each once.
// A cursor that is too old, or ahead of the head, is reset: m is told so and live events go on from the head. Someone who
// was removed from the room a moment ago is refused (m.Left), and everybody by a deleted room (m.Deleted). A member that joins again starts again at the cursor.
// It blocks while m's queue is full and while the store is away, until ctx ends; the error is then ctx's.
func (h *Hub) Join(ctx context.Context, m Member, c Cursor) error {
	h.Leave(c.Room, m)
	for {
		if err := m.Drained(ctx); err != nil {
			return err
		}
		f, err := h.open(ctx, c.Room) // each time: while we waited, the sweeper may have closed the feed
		if err != nil {
			return err
		}
		if c.Seq > 0 && f.behind(c.Seq) && !c.Reset {
			if c.Reset, err = f.isAhead(ctx, c.Seq); err != nil {
				return err
			}
			continue
		}
		missed, joined := f.join(m, c)
		if joined {
			return nil
		}
		if missed == nil {
			if missed, err = f.fetchMissed(ctx, c.Seq); err != nil {
				return err
			}
			c.isFetched = true
		}
		for _, frame := range missed {
			if err := m.EnqueuePaced(ctx, frame); err != nil { // catching up never closes a connection
				return err
			}
			c.Seq = frame.event().GetSeq()
		}
	}
}

// joinWithin is how many missed events a member may get at once, when it joins; more are paced by its queue.
const joinWithin = 4

// join completes a Join, unless more than joinWithin events are missing: then it returns those that the ring has; none
// when it does not reach back to the cursor.
func (f *feed) join(m Member, c Cursor) (missed []*Frame, joined bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.isGone {
		m.Deleted(f.room)
		return nil, true
	}
	if r, gone := f.removed[m.User()]; gone && r.seq > c.MemberAt {
		m.Left(f.room)
		return nil, true
	}
	if c.Reset || f.last-min(c.Seq, f.last) > f.hub.cfg.ResumeEvents {
		f.hub.metrics.resumes.WithLabelValues("reset").Inc()
		m.Enqueue(reset(f.room, f.last))
		f.members[m] = struct{}{}
		return nil, true
	}
	if c.Seq < f.last {
		kept, ok := f.ring.after(c.Seq)
		if !ok || len(kept) > joinWithin {
			return slices.Clone(kept), false
		}
		for _, frame := range kept {
			m.Enqueue(frame)
		}
	}
	if c.Resumed {
		f.hub.metrics.resumes.WithLabelValues("caught_up").Inc()
		if !c.isFetched {
			f.hub.metrics.ringHits.Inc()
		}
		m.Enqueue(caughtUp(f.room, f.last))
	}
	f.members[m] = struct{}{}
	return nil, true
}

// isAhead reports whether a cursor is above the head, as message-store knows it: then it is of another history. If it is
// not, this gateway is behind (the client comes from a faster one), and the feed catches up.
func (f *feed) isAhead(ctx context.Context, seq uint32) (bool, error) {
	heads, err := f.hub.store.Heads(ctx, []ids.Room{f.room})
	if err != nil {
		f.hub.log.Warn("cannot ask for a head; trying again", "room", f.room, "error", err)
		return false, pause(ctx, retryPause)
	}
	if heads[f.room] < seq {
		return true, nil
	}
	f.notice(heads[f.room])
	return false, pause(ctx, retryPause/10)
}

// fetchMissed reads a page of events above a seq, at least one, densely numbered; clients that come back together with
// the same cursor share one read. It tries until ctx ends.
func (f *feed) fetchMissed(ctx context.Context, after uint32) ([]*Frame, error) {
	for {
		ch := f.hub.flights.DoChan(fmt.Sprintf("%s:%d", f.room, after), func() (any, error) {
			return f.hub.fetchFrames(f.room, after)
		})
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case res := <-ch:
			if frames, ok := res.Val.([]*Frame); ok && len(frames) > 0 {
				f.hub.metrics.resumes.WithLabelValues("fetched").Inc()
				return frames, nil
			}
			f.hub.log.Warn("cannot read missed events; trying again", "room", f.room, "after", after, "error", res.Err)
			if err := pause(ctx, retryPause); err != nil {
				return nil, err
			}
		}
	}
}

// Leave takes m out of a room's feed; nothing follows after it returns.
func (h *Hub) Leave(room ids.Room, m Member) {
	if f := h.get(room); f != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.drop(m)
	}
}
