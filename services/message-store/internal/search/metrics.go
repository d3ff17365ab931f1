package search

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/pkg/obs"
)

type metrics struct{ indexed prometheus.Counter }

func newMetrics(reg prometheus.Registerer, q *queue) (*metrics, error) {
	_, eventsErr := obs.Register(reg, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "natter_message_store_search_lag_events", Help: "Events that this instance knows of and that are not in the search index yet.",
	}, func() float64 {
		_, events, _ := q.size()
		return float64(events)
	}))
	_, secondsErr := obs.Register(reg, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "natter_message_store_search_lag_seconds", Help: "How long ago the oldest of them happened; 0: there are none.",
	}, func() float64 {
		_, _, since := q.size()
		if since == 0 {
			return 0
		}
		return max(time.Since(time.UnixMilli(since)).Seconds(), 0)
	}))
	indexed, err := obs.Register(reg, prometheus.NewCounter(prometheus.CounterOpts{
		Name: "natter_message_store_search_indexed_events_total", Help: "Events that this instance took into the search index.",
	}))
	if err := errors.Join(eventsErr, secondsErr, err); err != nil {
		return nil, fmt.Errorf("search metrics: %w", err)
	}
	return &metrics{indexed}, nil
}
