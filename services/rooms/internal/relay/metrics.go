package relay

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/pkg/obs"
)

// The outcomes of commands.
const (
	delivered  = "delivered"
	duplicate  = "duplicate"  // it was in the log already
	refused    = "refused"    // the log answered with a fault
	unanswered = "unanswered" // nobody answered in time
)

type metrics struct {
	rows, oldest prometheus.Gauge
	commands     *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	rows, err1 := obs.Register(reg, prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "natter_rooms_outbox_rows", Help: "Changes of rooms that are not in their log yet, counted up to 10,000.",
	}))
	oldest, err2 := obs.Register(reg, prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "natter_rooms_outbox_oldest_seconds", Help: "Age of the oldest of them; 0 when there is none.",
	}))
	commands, err3 := obs.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "natter_rooms_relay_commands_total", Help: "Changes sent to the logs, by outcome.",
	}, []string{"outcome"}))
	m := &metrics{rows: rows, oldest: oldest, commands: commands}
	for _, outcome := range []string{delivered, duplicate, refused, unanswered} {
		m.commands.WithLabelValues(outcome) // shown as 0 before the first
	}
	return m, errors.Join(err1, err2, err3)
}

func (m *metrics) acked(again bool) {
	if again {
		m.commands.WithLabelValues(duplicate).Inc()
	} else {
		m.commands.WithLabelValues(delivered).Inc()
	}
}
