package mongo

import (
	"context"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/natter-chat/natter/pkg/obs"
)

// defaultMaxPool is the driver's, per server.
const defaultMaxPool = 100

// waited is what a connection that lies ready is never waited for.
const waited = time.Millisecond

// observe makes the client report its commands and connections: those to all servers together.
func observe(opts *options.ClientOptions, watch *obs.Database) error {
	if watch == nil {
		return nil
	}
	var open, inUse, waits atomic.Int64
	opts.SetMonitor(&event.CommandMonitor{
		Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) {
			watch.Queried(e.CommandName, e.Duration, false)
		},
		Failed: func(_ context.Context, e *event.CommandFailedEvent) { watch.Queried(e.CommandName, e.Duration, true) },
	})
	opts.SetPoolMonitor(&event.PoolMonitor{Event: func(e *event.PoolEvent) {
		switch e.Type {
		case event.ConnectionCreated:
			open.Add(1)
		case event.ConnectionClosed:
			open.Add(-1)
		case event.ConnectionCheckedOut:
			inUse.Add(1)
			if e.Duration > waited {
				waits.Add(1)
			}
		case event.ConnectionCheckedIn:
			inUse.Add(-1)
		}
	}})
	limit := defaultMaxPool
	if opts.MaxPoolSize != nil {
		limit = int(*opts.MaxPoolSize)
	}
	return watch.WatchPool(func() obs.Pool {
		used := inUse.Load()
		return obs.Pool{InUse: int(used), Idle: int(max(0, open.Load()-used)), Max: limit, Waits: waits.Load()}
	})
}
