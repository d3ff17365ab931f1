package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/natter-chat/natter/pkg/obs"
)

// observe makes the pool report its queries.
func observe(cfg *pgxpool.Config, watch *obs.Database) {
	if watch != nil {
		cfg.ConnConfig.Tracer = tracer{watch}
	}
}

func watchPool(pool *pgxpool.Pool, watch *obs.Database) error {
	return watch.WatchPool(func() obs.Pool {
		s := pool.Stat()
		return obs.Pool{InUse: int(s.AcquiredConns()), Idle: int(s.IdleConns()), Max: int(s.MaxConns()), Waits: s.EmptyAcquireCount()}
	})
}

// tracer is a pgx.QueryTracer.
type tracer struct{ watch *obs.Database }

type queryKey struct{}

type query struct {
	sql   string
	began time.Time
}

// TraceQueryStart implements pgx.QueryTracer. The arguments are nobody's business.
func (tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, queryKey{}, query{data.SQL, time.Now()})
}

// TraceQueryEnd implements pgx.QueryTracer.
func (t tracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	if q, ok := ctx.Value(queryKey{}).(query); ok {
		t.watch.Queried(q.sql, time.Since(q.began), data.Err != nil && !errors.Is(data.Err, pgx.ErrNoRows))
	}
}
