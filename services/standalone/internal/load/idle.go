package load

import (
	"context"
	"time"
)

// idle: everyone connects and says nothing. Memory is read before the first and Settle after the last.
func (r *run) idle(ctx context.Context) error {
	before, err := r.meter.read(ctx)
	if err != nil {
		return err
	}
	if err := r.connectAll(ctx, "connecting", func() {}); err != nil {
		return err
	}
	connected, err := r.meter.read(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	bar := r.progress.start("settling", int(r.Settle.Milliseconds()), func() int64 { return time.Since(start).Milliseconds() })
	defer bar.stop()
	if !sleep(ctx, r.Settle) {
		return context.Cause(ctx)
	}
	after, err := r.meter.read(ctx)
	if err != nil || len(r.Admin) == 0 {
		return err
	}
	r.report.Seconds = time.Since(start).Seconds()
	r.report.Server = &Server{
		CPUSeconds: after.cpu - connected.cpu, RSSMiB: after.rss / (1 << 20),
		KiBPerConnection: (after.rss - before.rss) / float64(len(r.clients)) / (1 << 10),
	}
	return nil
}
