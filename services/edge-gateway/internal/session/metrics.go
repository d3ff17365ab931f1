package session

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/pkg/obs"
	"github.com/natter-chat/natter/services/edge-gateway/internal/feed"
)

type metrics struct {
	connections *prometheus.GaugeVec
	disconnects *prometheus.CounterVec
	hellos      *prometheus.CounterVec
	commands    *prometheus.HistogramVec
	limited     *prometheus.CounterVec
	handshakes  prometheus.Counter
	frames      prometheus.Counter
	toSocket    prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer, queued *atomic.Int64) (metrics, error) {
	const prefix = "natter_edge_gateway_"
	m := metrics{
		connections: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: prefix + "connections", Help: "Open WebSocket connections.",
		}, []string{"subprotocol"}),
		disconnects: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "disconnects_total", Help: "Connections that ended, by cause.",
		}, []string{"cause"}),
		hellos: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "hellos_total", Help: "First hellos, by outcome.",
		}, []string{"outcome"}),
		commands: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: prefix + "command_seconds", Help: "From a command's frame to its ack or error.", Buckets: obs.LatencyBuckets,
		}, []string{"outcome"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "limited_total", Help: "What was refused because of a limit: frames, handshakes, hellos and resumes.",
		}, []string{"limit"}),
		handshakes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: prefix + "handshakes_total", Help: "WebSocket handshakes that came, those that were refused among them.",
		}),
		frames: prometheus.NewCounter(prometheus.CounterOpts{
			Name: prefix + "frames_received_total", Help: "Frames of clients.",
		}),
		toSocket: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: prefix + "commit_to_socket_seconds", Help: "From an event's createdAt to its write; of the first event of each write, and not of what a client missed while it was away.",
			Buckets: obs.LatencyBuckets,
		}),
	}
	return m, errors.Join(reg.Register(m.connections), reg.Register(m.disconnects), reg.Register(m.hellos), reg.Register(m.commands),
		reg.Register(m.limited), reg.Register(m.handshakes), reg.Register(m.frames), reg.Register(m.toSocket), reg.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: prefix + "queue_bytes", Help: "Bytes that wait in the queues of all connections.",
		}, func() float64 { return float64(queued.Load()) })))
}

// written measures a write by the first frame in it, if that is an event that happened after the connection began, which was at
// since, in Unix milliseconds.
func (m metrics) written(first *feed.Frame, since int64) {
	if at, ok := first.CreatedAt(); ok && at.UnixMilli() >= since {
		m.toSocket.Observe(time.Since(at).Seconds())
	}
}
