package load

import (
	"context"
	"net/http"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// connectAll connects all clients, Dials at a time, and calls connected for each.
func (r *run) connectAll(ctx context.Context, what string, connected func()) error {
	via := map[int]*http.Client{}
	for n := 0; n*portsPerAddress < len(r.clients); n++ {
		via[n] = httpFor(n * portsPerAddress)
	}
	var done atomic.Int64
	bar := r.progress.start(what, len(r.clients), done.Load)
	defer bar.stop()
	g, dialing := errgroup.WithContext(ctx)
	g.SetLimit(r.Dials)
	for _, c := range r.clients {
		g.Go(func() error {
			if dialing.Err() != nil {
				return context.Cause(dialing)
			}
			if err := c.connect(dialing, via[c.number/portsPerAddress]); err != nil {
				return err
			}
			done.Add(1)
			connected()
			return nil
		})
	}
	return g.Wait()
}
