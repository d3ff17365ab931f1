// Package batch puts calls together that come at the same time. No timer is involved: what comes while calls are under
// way waits for one of them to end and goes into the next. So a single call is not delayed, and the more there are, the
// larger are the batches.
package batch

import (
	"context"
	"slices"
	"sync"
)

// Group is calls that go together. It is safe for concurrent use and has no goroutines of its own: some of the callers
// make the calls for all.
type Group[Req, Res any] struct {
	call          func(ctx context.Context, batch []Req) ([]Res, error)
	size          func(Req) int
	limit, atOnce int

	mu      sync.Mutex
	calls   int // under way; fewer than atOnce only while nobody waits
	waiting []*caller[Req, Res]
}

// caller is one who wants an answer.
type caller[Req, Res any] struct {
	req Req
	// turn gets the batch that this one is to make the call for; it is the first in it.
	turn chan []*caller[Req, Res]
	// done is closed when the answer is there.
	done chan struct{}
	res  Res
	err  error
}

// New returns a group that makes at most atOnce calls at a time. Call answers the requests of a batch, in their order; it
// may leave out the last ones, but not the first, and is asked for them again. Its error is the answer to all of the
// batch. Its context does not end with any of the callers, so it must bound its time itself. The sizes of the requests
// in a batch are at most limit together, unless it has only one.
func New[Req, Res any](atOnce, limit int, size func(Req) int, call func(context.Context, []Req) ([]Res, error)) *Group[Req, Res] {
	return &Group[Req, Res]{call: call, size: size, limit: limit, atOnce: atOnce}
}

// Do returns the answer to a request. When ctx ends first the error is ctx's; unless it is Do's turn to make a call for
// others, which it finishes.
func (g *Group[Req, Res]) Do(ctx context.Context, req Req) (Res, error) {
	me := &caller[Req, Res]{req: req, turn: make(chan []*caller[Req, Res], 1), done: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, me)
	if g.calls < g.atOnce {
		g.calls++
		g.pass()
	}
	g.mu.Unlock()
	select {
	case batch := <-me.turn:
		g.run(context.WithoutCancel(ctx), batch)
	case <-me.done:
	case <-ctx.Done():
		if !g.giveUp(me) {
			var none Res
			return none, ctx.Err()
		}
		g.run(context.WithoutCancel(ctx), <-me.turn)
	}
	return me.res, me.err
}

// giveUp takes a caller out of those who wait, and reports whether it is too late for that: it has got its turn.
func (g *Group[Req, Res]) giveUp(c *caller[Req, Res]) (itsTurn bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.waiting, c); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
	}
	return len(c.turn) > 0
}

// pass gives the turn to make a call to who has waited longest, with as many others as fit. g.mu is held, and the call
// is counted already.
func (g *Group[Req, Res]) pass() {
	if len(g.waiting) == 0 {
		g.calls--
		return
	}
	n, size := 1, g.size(g.waiting[0].req)
	for ; n < len(g.waiting); n++ {
		if size += g.size(g.waiting[n].req); size > g.limit {
			break
		}
	}
	g.waiting[0].turn <- g.waiting[:n:n]
	g.waiting = g.waiting[n:]
}

// run makes the call for a batch, and passes the turn on.
func (g *Group[Req, Res]) run(ctx context.Context, batch []*caller[Req, Res]) {
	requests := make([]Req, len(batch))
	for i, c := range batch {
		requests[i] = c.req
	}
	results, err := g.call(ctx, requests)
	answered := len(batch)
	if err == nil {
		answered = len(results)
	}
	g.mu.Lock()
	if answered < len(batch) {
		g.waiting = slices.Concat(batch[answered:], g.waiting)
	}
	g.pass()
	g.mu.Unlock()
	for i, c := range batch[:answered] {
		if c.err = err; err == nil {
			c.res = results[i]
		}
		close(c.done)
	}
}
