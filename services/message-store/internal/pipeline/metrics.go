package pipeline

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/obs"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// metrics of the pipeline. Children are resolved once.
type metrics struct {
	batchSize, commitSeconds, ackSeconds prometheus.Histogram
	acks, duplicates                     prometheus.Counter
	refusals                             *prometheus.CounterVec
	conflicts, behind, unknown           prometheus.Counter
	loads, unpublished                   prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, queued *atomic.Int64) (*metrics, error) {
	var errs []error
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		h, err := obs.Register(reg, prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}))
		errs = append(errs, err)
		return h
	}
	counters := func(name, help string, label ...string) *prometheus.CounterVec {
		c, err := obs.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, label))
		errs = append(errs, err)
		return c
	}
	m := &metrics{
		batchSize:     histogram("natter_message_store_commit_batch_size", "Events in one commit.", prometheus.ExponentialBuckets(1, 2, 10)),
		commitSeconds: histogram("natter_message_store_commit_seconds", "Time of one commit.", obs.LatencyBuckets),
		ackSeconds:    histogram("natter_message_store_send_ack_seconds", "Time from a command's arrival to its answer.", obs.LatencyBuckets),
		refusals:      counters("natter_message_store_refused_commands_total", "Commands answered with a fault.", "code"),
	}
	acks := counters("natter_message_store_acked_commands_total", "Commands acknowledged.", "duplicate")
	m.acks, m.duplicates = acks.WithLabelValues("false"), acks.WithLabelValues("true")
	restarts := counters("natter_message_store_room_restarts_total", "Commits of a room that started over.", "reason")
	m.conflicts, m.behind, m.unknown = restarts.WithLabelValues("conflict"), restarts.WithLabelValues("behind"), restarts.WithLabelValues("unknown")
	m.loads = counters("natter_message_store_room_loads_total", "Cold rooms loaded.").WithLabelValues()
	m.unpublished = counters("natter_message_store_unpublished_events_total", "Stored events that could not be published.").WithLabelValues()
	_, err := obs.Register(reg, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "natter_message_store_queue_bytes", Help: "Bytes of the commands that are not answered yet.",
	}, func() float64 { return float64(queued.Load()) }))
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, fmt.Errorf("pipeline metrics: %w", err)
	}
	return m, nil
}

func (m *metrics) committed(appends []store.Batch, took time.Duration) {
	n := 0
	for _, b := range appends {
		n += len(b.Events)
	}
	m.batchSize.Observe(float64(n))
	m.commitSeconds.Observe(took.Seconds())
}

func (m *metrics) restarted(why error) {
	switch {
	case errors.Is(why, store.ErrConflict):
		m.conflicts.Inc()
	case errors.Is(why, errBehind):
		m.behind.Inc()
	default:
		m.unknown.Inc()
	}
}

func (m *metrics) refused(code fault.Code) { m.refusals.WithLabelValues(string(code)).Inc() }

func (m *metrics) acked(r *request, now time.Time) {
	m.ackSeconds.Observe(now.Sub(r.arrived).Seconds())
	for _, res := range r.results {
		switch {
		case res.refused != nil:
		case res.duplicate:
			m.duplicates.Inc()
		default:
			m.acks.Inc()
		}
	}
}
