package obs

import (
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// DatabaseConfig is how a process watches its databases.
type DatabaseConfig struct {
	SlowQuery time.Duration `env:"NATTER_SLOW_QUERY" envDefault:"500ms" help:"queries to PostgreSQL and MongoDB that take longer are logged, without their values; 0: none"`
}

// Database measures what one service asks of one database server, and logs what is slow. It is safe for concurrent use; nil
// does nothing.
type Database struct {
	cfg     DatabaseConfig
	labels  prometheus.Labels
	reg     prometheus.Registerer
	log     *slog.Logger
	seconds prometheus.Observer
	slow    prometheus.Counter
	failed  prometheus.Counter
}

// NewDatabase is that of a service and a kind of database, "postgres" or "mongodb".
func NewDatabase(cfg DatabaseConfig, service, database string, reg prometheus.Registerer, log *slog.Logger) (*Database, error) {
	by := []string{"service", "database"}
	seconds, err1 := Register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "natter_database_seconds", Help: "Time of one query.", Buckets: LatencyBuckets,
	}, by))
	slow, err2 := Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "natter_database_slow_queries_total", Help: "Queries that took longer than NATTER_SLOW_QUERY.",
	}, by))
	failed, err3 := Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "natter_database_failed_queries_total", Help: "Queries that ended with an error, expected ones (a duplicate key) among them.",
	}, by))
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	return &Database{
		cfg: cfg, labels: prometheus.Labels{"service": service, "database": database}, reg: reg, log: log,
		seconds: seconds.WithLabelValues(service, database), slow: slow.WithLabelValues(service, database),
		failed: failed.WithLabelValues(service, database),
	}, nil
}

// Queried notes a query that is done. What is its text without values, or its kind.
func (d *Database) Queried(what string, took time.Duration, failed bool) {
	if d == nil {
		return
	}
	d.seconds.Observe(took.Seconds())
	if failed {
		d.failed.Inc()
	}
	if d.cfg.SlowQuery > 0 && took >= d.cfg.SlowQuery {
		d.slow.Inc()
		d.log.Warn("slow query", "took", took.Round(time.Millisecond), "query", what)
	}
}

// Pool is the connections of a pool.
type Pool struct {
	InUse, Idle, Max int
	// Waits is how often somebody waited for a connection.
	Waits int64
}

// WatchPool registers the metrics of the pool that stat looks at.
func (d *Database) WatchPool(stat func() Pool) error {
	if d == nil {
		return nil
	}
	return d.reg.Register(&poolCollector{
		stat: stat,
		connections: prometheus.NewDesc("natter_database_connections", "Connections of the pool, by state; max is its limit.", []string{"state"},
			d.labels),
		waits: prometheus.NewDesc("natter_database_pool_waits_total", "Times a query waited for a connection.", nil, d.labels),
	})
}

type poolCollector struct {
	stat               func() Pool
	connections, waits *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *poolCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.connections; ch <- c.waits }

// Collect implements prometheus.Collector.
func (c *poolCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.stat()
	for state, n := range map[string]int{"in_use": s.InUse, "idle": s.Idle, "max": s.Max} {
		ch <- prometheus.MustNewConstMetric(c.connections, prometheus.GaugeValue, float64(n), state)
	}
	ch <- prometheus.MustNewConstMetric(c.waits, prometheus.CounterValue, float64(s.Waits))
}
