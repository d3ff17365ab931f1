package bus

import (
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
)

// Measure registers the metrics of a service's connection.
func Measure(nc *nats.Conn, service string, reg prometheus.Registerer) error {
	labels := prometheus.Labels{"service": service}
	counter := func(name, help string, value func(nats.Statistics) uint64) error {
		return reg.Register(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "natter_nats_" + name, Help: help, ConstLabels: labels},
			func() float64 { return float64(value(nc.Stats())) }))
	}
	return errors.Join(
		counter("received_messages_total", "Messages from NATS.", func(s nats.Statistics) uint64 { return s.InMsgs }),
		counter("received_bytes_total", "Bytes of them.", func(s nats.Statistics) uint64 { return s.InBytes }),
		counter("sent_messages_total", "Messages to NATS.", func(s nats.Statistics) uint64 { return s.OutMsgs }),
		counter("sent_bytes_total", "Bytes of them.", func(s nats.Statistics) uint64 { return s.OutBytes }),
		counter("reconnects_total", "Times the connection broke and came back.", func(s nats.Statistics) uint64 { return s.Reconnects }),
		reg.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "natter_nats_connected", Help: "1 while there is a connection to NATS.", ConstLabels: labels,
		}, func() float64 {
			if nc.IsConnected() {
				return 1
			}
			return 0
		})),
	)
}
