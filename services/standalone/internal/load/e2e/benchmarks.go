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
	cluster  bool // the services apart do it, too
	once     bool // takes long and varies little: only in the first round
	metrics  []metric
	rounds   []round
	skipped  string // why it is not run
}

// round is the reports of the servers of one round.
type round struct {
	Natter  *load.Report `json:"natter"`
	Bare    *load.Report `json:"bare,omitempty"`
	Cluster *load.Report `json:"cluster,omitempty"`
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
	perCore    = metric{"deliveries per core-s", "%.0f", func(r *load.Report) float64 { return 1e6 / r.Server.CPUPerMillion }}
	reachP50   = metric{"all have it after ms, median", "%.1f", func(r *load.Report) float64 { return r.Reach.P50 }}
	reachMax   = metric{"worst", "%.1f", func(r *load.Report) float64 { return r.Reach.Max }}
	allBack    = metric{"all back after s", "%.2f", func(r *load.Report) float64 { return r.Back.Max / 1000 }}
)

// usersPerRoom of the many connections of idle and storm; roomsPerUser of those who are in many rooms.
const usersPerRoom, roomsPerUser = 50, 50

// benchmarks are those of the comparison with other servers, with messages of 128 bytes.
func (o options) benchmarks() []*benchmark {
	settings := func(profile string, rooms, users int) load.Settings {
		s := load.Defaults(load.Profile{Name: profile, Rooms: rooms, Users: users})
		s.Duration, s.Settle = o.duration, o.settle
		return s
	}
	open := settings("fanout", 50, 20)
	open.Rate = 10_000
	many := func(profile string, connections int) load.Settings {
		return settings(profile, connections/usersPerRoom, usersPerRoom)
	}
	wide := settings("idle", roomsPerUser, 1000)
	wide.RoomsPerUser = roomsPerUser
	all := []*benchmark{
		{name: "50 rooms × 20, window 4", settings: settings("fanout", 50, 20), bare: true, metrics: []metric{deliveries, cpu, p50, p99}},
		{name: "1 room × 1,000, window 4", settings: settings("fanout", 1, 1000), bare: true, metrics: []metric{deliveries, cpu}},
		{name: "50 × 20, 10,000 deliveries/s", settings: open, bare: true, metrics: []metric{p50, p99, cpu}},
		{name: "stored and acked, 50 senders", settings: settings("ack", 50, 1), metrics: []metric{acked, ackP50, ackP99}},
		{name: "stored and acked, 200 senders", settings: settings("ack", 200, 1), metrics: []metric{acked, ackP50, ackP99}},
		{name: fmt.Sprintf("%d idle connections", o.connections), settings: many("idle", o.connections), bare: true, metrics: []metric{memory}},
		{name: fmt.Sprintf("storm of %d connections", o.connections), settings: many("storm", o.connections), bare: true, metrics: []metric{allBack}},
		{name: "cluster, 50 rooms × 20, window 4", settings: settings("fanout", 50, 20), cluster: true, metrics: []metric{deliveries, perCore}},
	}
	if !o.quick {
		all = append(all,
			&benchmark{name: "1,000 idle users in 50 rooms each", settings: wide, bare: true, once: true, metrics: []metric{memory}},
			&benchmark{name: "1 room × 15,000, a message", settings: settings("reach", 1, 15_000), bare: true, once: true, metrics: []metric{reachP50, reachMax}},
			&benchmark{name: "18,000 idle connections", settings: many("idle", 18_000), bare: true, once: true, metrics: []metric{memory}},
			&benchmark{name: "50,000 idle connections", settings: many("idle", 50_000), bare: true, once: true, metrics: []metric{memory}},
		)
	}
	return slices.DeleteFunc(all, func(m *benchmark) bool { return !strings.Contains(m.name, o.only) })
}

// writeTable prints the medians of the rounds. A ratio is the median of the rounds' ratios to the bare server, of the
// cluster to the one process; it is not the ratio of the medians.
func writeTable(out io.Writer, all []*benchmark) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "\t\tnatter\tbare\tratio\tcluster\tratio\tlost, doubled, out of order")
	for _, m := range all {
		if m.skipped != "" {
			_, _ = fmt.Fprintf(w, "%s\tskipped: %s\n", m.name, m.skipped)
		}
		if len(m.rounds) == 0 {
			continue
		}
		name, wrong := m.name, m.wrong()
		for _, metric := range m.metrics {
			v := m.values(metric)
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, metric.name, show(metric.format, v.natter),
				show(metric.format, v.bare), show("%.2f", v.toBare), show(metric.format, v.cluster), show("%.2f", v.ofCluster), wrong)
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

// values are those of one metric in all rounds: of the servers, the one process's ratio to the bare server, the cluster's
// to the one process.
type values struct{ natter, bare, toBare, cluster, ofCluster []float64 }

func (m *benchmark) values(of metric) (v values) {
	for _, r := range m.rounds {
		natter := of.of(r.Natter)
		v.natter = append(v.natter, natter)
		if r.Bare != nil {
			bare := of.of(r.Bare)
			v.bare, v.toBare = append(v.bare, bare), append(v.toBare, natter/bare)
		}
		if r.Cluster != nil {
			cluster := of.of(r.Cluster)
			v.cluster, v.ofCluster = append(v.cluster, cluster), append(v.ofCluster, cluster/natter)
		}
	}
	return v
}

// wrong sums what went wrong with natter and its cluster over the rounds, and says so of the baseline.
func (m *benchmark) wrong() string {
	var lost, duplicates, disorder int
	for _, r := range m.rounds {
		for _, report := range []*load.Report{r.Natter, r.Cluster} {
			if report != nil {
				lost += report.Lost
				duplicates += report.Duplicates
				disorder += report.OutOfOrder
			}
		}
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
