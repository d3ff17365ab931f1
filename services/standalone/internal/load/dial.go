package load

import (
	"context"
	"net/http"
	"sync/atomic"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// connectAll connects all clients, Dials at a time, and calls connected for each.
func (r *run) connectAll(ctx context.Context, what string, connected func()) error {
	if err := enoughFiles(len(r.clients)); err != nil {
		return err
	}
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

// enoughFiles checks the limit of open files, for the generator; the server needs as many.
func enoughFiles(clients int) error {
	const others = 100
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return nil //nolint:nilerr // then the first socket too many says so
	}
	if need := uint64(clients + others); limit.Cur < need {
		return tooFewFiles{limit.Cur, need}
	}
	return nil
}
