package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/procfs"
)

// meter reads CPU and memory of the server's processes from their admin ports, or from the kernel.
type meter struct {
	admins []string
	http   *http.Client
}

// usage is what all of them have used: seconds of CPU since they began, bytes of memory now; and how many files they may
// open together, as far as they say.
type usage struct{ cpu, rss, maxFiles float64 }

// meterTimeout is for a server that is very busy.
const meterTimeout = 10 * time.Second

func newMeter(admins []string) meter {
	return meter{admins, &http.Client{Timeout: meterTimeout, Transport: &http.Transport{DisableKeepAlives: true}}}
}

func (m meter) read(ctx context.Context) (sum usage, err error) {
	for _, admin := range m.admins {
		var u usage
		if pid, ok := strings.CutPrefix(admin, "pid:"); ok {
			u, err = readProcess(pid)
		} else {
			u, err = m.readMetrics(ctx, "http://"+strings.TrimPrefix(admin, "http://")+"/metrics")
		}
		if err != nil {
			return sum, fmt.Errorf("metrics of the server: %w\nName its admin address (NATTER_ADMIN_ADDR) with --admin, several with commas; --admin none measures without it", err)
		}
		sum.cpu += u.cpu
		sum.rss += u.rss
		sum.maxFiles += u.maxFiles
	}
	return sum, nil
}

// readProcess asks the kernel of this machine (Linux).
func readProcess(pid string) (u usage, err error) {
	id, err := strconv.Atoi(pid)
	if err != nil {
		return u, fmt.Errorf("pid:%s: %w", pid, err)
	}
	p, err := procfs.NewProc(id)
	if err != nil {
		return u, err
	}
	stat, err := p.Stat()
	return usage{cpu: stat.CPUTime(), rss: float64(stat.ResidentMemory())}, err
}

func (m meter) readMetrics(ctx context.Context, url string) (usage, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return usage{}, err
	}
	res, err := m.http.Do(req)
	if err != nil {
		return usage{}, err
	}
	defer res.Body.Close()
	return parseUsage(res.Body)
}

// parseUsage finds the process metrics in Prometheus's text format.
func parseUsage(r io.Reader) (u usage, err error) {
	hasCPU, hasMemory := false, false
	for lines := bufio.NewScanner(r); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		var into *float64
		switch name {
		case "process_cpu_seconds_total":
			into, hasCPU = &u.cpu, true
		case "process_resident_memory_bytes":
			into, hasMemory = &u.rss, true
		case "process_max_fds":
			into = &u.maxFiles
		default:
			continue
		}
		if *into, err = strconv.ParseFloat(value, 64); err != nil {
			return u, fmt.Errorf("%s: %w", name, err)
		}
	}
	if !hasCPU || !hasMemory {
		return u, fmt.Errorf("no process metrics there")
	}
	return u, nil
}

// measure lets the load run warm and then counts for Duration.
func (r *run) measure(ctx context.Context) error {
	began := time.Now()
	whole := r.WarmUp + r.Duration
	bar := r.progress.start(r.Profile, int(whole.Milliseconds()), func() int64 { return time.Since(began).Milliseconds() })
	defer bar.stop()
	if !sleep(ctx, r.WarmUp) {
		return context.Cause(ctx)
	}
	before, err := r.meter.read(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	r.measuring.Store(true)
	ended := sleep(ctx, r.Duration)
	r.measuring.Store(false)
	elapsed := time.Since(start)
	if !ended {
		return context.Cause(ctx)
	}
	after, err := r.meter.read(ctx)
	if err != nil {
		return err
	}
	rep := r.report
	rep.Seconds = elapsed.Seconds()
	rep.Deliveries, rep.Acks, rep.Presences = r.deliveries.Load(), r.acks.Load(), r.presences.Load()
	rep.DeliveriesPerSecond = float64(rep.Deliveries) / rep.Seconds
	rep.AcksPerSecond = float64(rep.Acks) / rep.Seconds
	rep.Latency, rep.AckLatency, rep.Reach = summarize(&r.latency), summarize(&r.ackTime), summarize(&r.reached)
	if len(r.Admin) > 0 {
		rep.Server = &Server{CPUSeconds: after.cpu - before.cpu, RSSMiB: after.rss / (1 << 20)}
		if rep.Deliveries > 0 {
			rep.Server.CPUPerMillion = rep.Server.CPUSeconds / float64(rep.Deliveries) * 1e6
		}
	}
	return nil
}
