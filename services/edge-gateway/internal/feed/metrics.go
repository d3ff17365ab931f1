package feed

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	feeds      prometheus.Gauge
	deliveries prometheus.Counter
	gaps       prometheus.Counter
	resumes    *prometheus.CounterVec
	ringHits   prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) (metrics, error) {
	const prefix = "natter_edge_gateway_"
	m := metrics{
		feeds: prometheus.NewGauge(prometheus.GaugeOpts{Name: prefix + "feeds", Help: "Rooms this gateway is subscribed to."}),
		deliveries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: prefix + "deliveries_total", Help: "Events queued for connections.",
		}),
		gaps: prometheus.NewCounter(prometheus.CounterOpts{
			Name: prefix + "gap_repairs_total", Help: "Times a feed found events missing and fetched them.",
		}),
		resumes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "resumes_total", Help: "Rooms resumed: caught_up, reset; and pages fetched for it.",
		}, []string{"outcome"}),
		ringHits: prometheus.NewCounter(prometheus.CounterOpts{
			Name: prefix + "resume_ring_hits_total", Help: "Rooms resumed from memory, without asking message-store; of those that caught up.",
		}),
	}
	return m, errors.Join(reg.Register(m.feeds), reg.Register(m.deliveries), reg.Register(m.gaps), reg.Register(m.resumes), reg.Register(m.ringHits))
}
