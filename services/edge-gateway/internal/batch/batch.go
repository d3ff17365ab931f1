// Package batch puts calls together that come at the same time. No timer is involved: what comes while calls are under
// way waits for one of them to end and goes into the next. So a single call is not delayed, and the more there are, the
// larger are the batches.
package batch

import (
	"context"
	"sync"
)

// Group is calls that go together. It is safe for concurrent use and has no goroutines of its own: some of the callers
// make the calls for all.
type Group[Req, Res any] struct {
	call func(ctx context.Context, batch []Req) ([]Res, error)
	fits func(batch []Req, next Req) bool
	// slots are the calls under way.
	slots chan struct{}

	mu      sync.Mutex
	waiting []*caller[Req, Res]
}

// caller is one that waits. The result is there when done is closed.
type caller[Req, Res any] struct {
	req  Req
	done chan struct{}
	res  Res
	err  error
}

// New returns a group that makes at most atOnce calls at a time. Call answers the requests of a batch, in their order; it
// may leave out the last ones, but not the first, and is asked for them again. Its error is the answer to all of the
// batch. Its context does not end with any of the callers, so it must bound its time itself. A batch has one request, and
// further ones while they fit.
func New[Req, Res any](atOnce int, call func(context.Context, []Req) ([]Res, error), fits func(batch []Req, next Req) bool) *Group[Req, Res] {
	return &Group[Req, Res]{call: call, fits: fits, slots: make(chan struct{}, atOnce)}
}

// Do returns the answer to a request. When ctx ends first the error is ctx's; unless Do is just making a call for others,
// which it finishes.
func (g *Group[Req, Res]) Do(ctx context.Context, req Req) (Res, error) {
	me := &caller[Req, Res]{req: req, done: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, me)
	g.mu.Unlock()
	for {
		select {
		case <-me.done:
			return me.res, me.err
		case <-ctx.Done():
			g.withdraw(me)
			var none Res
			return none, ctx.Err()
		case g.slots <- struct{}{}:
			select {
			case <-me.done: // a call that is over had it; the slot is for someone who waits
			default:
				g.run(context.WithoutCancel(ctx))
			}
			<-g.slots
		}
	}
}

// withdraw takes a caller out of those who wait.
func (g *Group[Req, Res]) withdraw(c *caller[Req, Res]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, w := range g.waiting {
		if w == c {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			return
		}
	}
}

// run makes one call for those who have waited longest.
func (g *Group[Req, Res]) run(ctx context.Context) {
	batch, requests := g.take()
	if len(batch) == 0 {
		return
	}
	results, err := g.call(ctx, requests)
	if err == nil {
		g.mu.Lock()
		g.waiting = append(batch[len(results):], g.waiting...)
		g.mu.Unlock()
		batch = batch[:len(results)]
	}
	for i, c := range batch {
		if c.err = err; err == nil {
			c.res = results[i]
		}
		close(c.done)
	}
}

// take takes a batch off those who wait.
func (g *Group[Req, Res]) take() (batch []*caller[Req, Res], requests []Req) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.waiting {
		if len(requests) > 0 && !g.fits(requests, c.req) {
			break
		}
		requests = append(requests, c.req)
	}
	batch = g.waiting[:len(requests):len(requests)]
	g.waiting = g.waiting[len(requests):]
	return batch, requests
}
