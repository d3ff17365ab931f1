package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/natter-chat/natter/services/standalone/internal/load"
)

// benchmark is one load, and what of its report is compared.
type benchmark struct {
	name     string
	settings load.Settings
	bare     bool // the baseline can do it, too
	metrics  []metric
	rounds   []round
}

// round is the reports of the two servers of one round.
type round struct {
	Natter *load.Report `json:"natter"`
	Bare   *load.Report `json:"bare,omitempty"`
}

type metric struct {
	name   string
	format string
	of     func(*load.Report) float64
}

var (
	deliveries = metric{"deliveries/s", "%.0f", func(r *load.Report) float64 { return r.DeliveriesPerSecond }}
	cpu        = metric{"server CPU-s per million", "%.2f", func(r *load.Report) float64 { return r.Server.CPUPerMillion }}
	p50        = metric{"p50 ms", "%.2f", func(r *load.Report) float64 { return r.Latency.P50 }}
	p99        = metric{"p99 ms", "%.2f", func(r *load.Report) float64 { return r.Latency.P99 }}
	acked      = metric{"acked messages/s", "%.0f", func(r *load.Report) float64 { return r.AcksPerSecond }}
	ackP50     = metric{"ack p50 ms", "%.2f", func(r *load.Report) float64 { return r.AckLatency.P50 }}
	ackP99     = metric{"ack p99 ms", "%.2f", func(r *load.Report) float64 { return r.AckLatency.P99 }}
	memory     = metric{"KiB per connection", "%.1f", func(r *load.Report) float64 { return r.Server.KiBPerConnection }}
	allBack    = metric{"all back after s", "%.2f", func(r *load.Report) float64 { return r.Back.Max / 1000 }}
)

// usersPerRoom of the many connections of idle and storm.
const usersPerRoom = 50

// benchmarks are those of the comparison with other servers, with messages of 128 bytes.
func (o options) benchmarks() []*benchmark {
	settings := func(profile string, rooms, users int) load.Settings {
		s := load.Defaults(load.Profile{Name: profile, Rooms: rooms, Users: users})
		s.Duration, s.Settle = o.duration, o.settle
		return s
	}
	open := settings("fanout", 50, 20)
	open.Rate = 10_000
	all := []*benchmark{
		{name: "50 rooms × 20, window 4", settings: settings("fanout", 50, 20), bare: true, metrics: []metric{deliveries, cpu, p50, p99}},
		{name: "1 room × 1,000, window 4", settings: settings("fanout", 1, 1000), bare: true, metrics: []metric{deliveries, cpu}},
		{name: "50 × 20, 10,000 deliveries/s", settings: open, bare: true, metrics: []metric{p50, p99, cpu}},
		{name: "stored and acked, 50 senders", settings: settings("ack", 50, 1), metrics: []metric{acked, ackP50, ackP99}},
		{name: "stored and acked, 200 senders", settings: settings("ack", 200, 1), metrics: []metric{acked, ackP50, ackP99}},
		{name: fmt.Sprintf("%d idle connections", o.connections), settings: settings("idle", o.connections/usersPerRoom, usersPerRoom), bare: true, metrics: []metric{memory}},
		{name: fmt.Sprintf("storm of %d connections", o.connections), settings: settings("storm", o.connections/usersPerRoom, usersPerRoom), bare: true, metrics: []metric{allBack}},
	}
	return slices.DeleteFunc(all, func(m *benchmark) bool { return !strings.Contains(m.name, o.only) })
}

// writeTable prints the medians of the rounds. A ratio is the median of the rounds' ratios, not the ratio of the medians.
func writeTable(out io.Writer, all []*benchmark) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "\t\tnatter\tbare\tratio\tlost, doubled, out of order")
	for _, m := range all {
		if len(m.rounds) == 0 {
			continue
		}
		name, wrong := m.name, m.wrong()
		for _, metric := range m.metrics {
			natter, bare, ratio := m.values(metric)
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", name, metric.name, show(metric.format, natter), show(metric.format, bare), show("%.2f", ratio), wrong)
			name, wrong = "", ""
		}
	}
	_ = w.Flush()
}

func show(format string, values []float64) string {
	if len(values) == 0 {
		return "–"
	}
	return fmt.Sprintf(format, median(values))
}

// values returns those of all rounds.
func (m *benchmark) values(of metric) (natter, bare, ratio []float64) {
	for _, r := range m.rounds {
		n := of.of(r.Natter)
		natter = append(natter, n)
		if r.Bare != nil {
			b := of.of(r.Bare)
			bare = append(bare, b)
			ratio = append(ratio, n/b)
		}
	}
	return natter, bare, ratio
}

// wrong sums what went wrong with natter over the rounds, and says so of the baseline.
func (m *benchmark) wrong() string {
	var lost, duplicates, disorder int
	for _, r := range m.rounds {
		lost += r.Natter.Lost
		duplicates += r.Natter.Duplicates
		disorder += r.Natter.OutOfOrder
		if b := r.Bare; b != nil && b.Lost+b.Duplicates+b.OutOfOrder > 0 {
			return fmt.Sprintf("the baseline: %d %d %d", b.Lost, b.Duplicates, b.OutOfOrder)
		}
	}
	return fmt.Sprintf("%d %d %d", lost, duplicates, disorder)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
