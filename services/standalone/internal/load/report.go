package load

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Report is what a run measured. Its JSON is what `natter load --json` writes; fields of zero are left out, but for those
// that say that nothing went wrong.
type Report struct {
	Profile      string `json:"profile"`
	Target       string `json:"target"`
	Encoding     string `json:"encoding"`
	Rooms        int    `json:"rooms"`
	UsersPerRoom int    `json:"usersPerRoom"`
	Connections  int    `json:"connections"`

	Seconds             float64 `json:"seconds,omitzero"`
	Deliveries          int64   `json:"deliveries,omitzero"`
	DeliveriesPerSecond float64 `json:"deliveriesPerSecond,omitzero"`
	Acks                int64   `json:"acks,omitzero"`
	AcksPerSecond       float64 `json:"acksPerSecond,omitzero"`
	// Presences are changes of watched people that somebody was told (chat).
	Presences int64 `json:"presences,omitzero"`
	// Latency is from when a message was due (open loop) or sent to each receipt; AckLatency from sent to acked.
	Latency    *Latency `json:"latency,omitempty"`
	AckLatency *Latency `json:"ackLatency,omitempty"`

	// Reach is from when a message was due or sent until every member of its room had it (closed loop, reach).
	Reach *Latency `json:"reach,omitempty"`

	// By seq, over the whole run: events that a member never got, got twice, got after a later one.
	Lost       int `json:"lost"`
	Duplicates int `json:"duplicates"`
	OutOfOrder int `json:"outOfOrder"`

	Server *Server `json:"server,omitempty"`
	// Back is how long after the drop of all connections each was signed in, in its rooms, and caught up (storm).
	Back *Latency `json:"back,omitempty"`
	// DropMs is how much of that the generator took to drop them, in milliseconds.
	DropMs float64 `json:"dropMs,omitzero"`
}

// Latency summarizes times, in milliseconds.
type Latency struct {
	P50  float64 `json:"p50Ms"`
	P90  float64 `json:"p90Ms"`
	P99  float64 `json:"p99Ms"`
	P999 float64 `json:"p999Ms"`
	Max  float64 `json:"maxMs"`
}

// Server is what the run cost the server's processes.
type Server struct {
	CPUSeconds float64 `json:"cpuSeconds"`
	// CPUPerMillion is seconds of CPU for a million deliveries.
	CPUPerMillion float64 `json:"cpuSecondsPerMillionDeliveries,omitzero"`
	RSSMiB        float64 `json:"rssMiB"`
	// KiBPerConnection is the growth of resident memory by the connections (idle).
	KiBPerConnection float64 `json:"kibPerConnection,omitzero"`
}

// summarize returns nil for an empty histogram.
func summarize(h *Histogram) *Latency {
	if h.Count() == 0 {
		return nil
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return &Latency{ms(h.Quantile(0.5)), ms(h.Quantile(0.9)), ms(h.Quantile(0.99)), ms(h.Quantile(0.999)), ms(h.Max())}
}

// WriteTable writes the report for people.
func (r *Report) WriteTable(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	times := func(name string, l *Latency) {
		if l != nil {
			row(name, "p50 %.2f   p90 %.2f   p99 %.2f   p99.9 %.2f   max %.2f ms", l.P50, l.P90, l.P99, l.P999, l.Max)
		}
	}
	row("profile", "%s on %s, %s", r.Profile, r.Target, r.Encoding)
	row("users", "%d rooms × %d members, %d connections", r.Rooms, r.UsersPerRoom, r.Connections)
	if r.Deliveries > 0 {
		row("deliveries", "%.0f/s (%d in %.1f s)", r.DeliveriesPerSecond, r.Deliveries, r.Seconds)
	}
	if r.Acks > 0 {
		row("acked messages", "%.0f/s (%d in %.1f s)", r.AcksPerSecond, r.Acks, r.Seconds)
	}
	if r.Presences > 0 {
		row("presence", "%.0f/s (%d in %.1f s)", float64(r.Presences)/r.Seconds, r.Presences, r.Seconds)
	}
	times("delivery", r.Latency)
	times("reached all", r.Reach)
	times("ack", r.AckLatency)
	times("all back", r.Back)
	row("lost", "%d", r.Lost)
	row("duplicates", "%d", r.Duplicates)
	row("out of order", "%d", r.OutOfOrder)
	if s := r.Server; s != nil {
		row("server CPU", "%.2f s", s.CPUSeconds)
		if s.CPUPerMillion > 0 {
			row("", "%.2f s per million deliveries", s.CPUPerMillion)
		}
		row("server memory", "%.1f MiB", s.RSSMiB)
		if s.KiBPerConnection != 0 {
			row("", "%.1f KiB per connection", s.KiBPerConnection)
		}
	}
	return w.Flush()
}
