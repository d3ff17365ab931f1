package presence

import (
	"context"
	"maps"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
)

const (
	// recordEvery is how often auth is told who has left.
	recordEvery = 5 * time.Second
	// maxSeen bounds what waits for auth while that is away; who left last is remembered.
	maxSeen = 50_000
	// goodbye is how long a stopping gateway takes to tell auth.
	goodbye = 2 * time.Second
)

// runRecord tells auth when users were last seen, and once more at the end.
func (p *Presence) runRecord(ctx context.Context) {
	tick := time.NewTicker(recordEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
			defer cancel()
			p.record(ctx, time.Now())
			return
		case now := <-tick.C:
			p.record(ctx, now.Add(-p.times.linger)) // a storm of people who come back is nobody's leaving
		}
	}
}

// record tells auth of those who left before; what it could not is kept for the next time.
func (p *Presence) record(ctx context.Context, before time.Time) {
	for {
		some := p.takeSeen(before)
		if len(some) == 0 {
			return
		}
		if err := p.standings.RecordSeen(ctx, some); err != nil {
			p.log.Warn("auth does not note who has left; trying again", "users", len(some), "error", err)
			p.mu.Lock()
			maps.Copy(some, p.seen) // they may have left once more
			maps.Copy(p.seen, some)
			p.mu.Unlock()
			return
		}
	}
}

func (p *Presence) takeSeen(before time.Time) map[ids.User]time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	some := map[ids.User]time.Time{}
	for id, at := range p.seen {
		if len(some) == perQuery {
			break
		}
		if !at.After(before) {
			some[id] = at
			delete(p.seen, id)
		}
	}
	return some
}

// left notes that a user's last connection here went. p.mu is held.
func (p *Presence) left(id ids.User, at time.Time) {
	if len(p.seen) == maxSeen {
		for first := range p.seen {
			delete(p.seen, first)
			break
		}
	}
	p.seen[id] = at
}
