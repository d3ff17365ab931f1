package load

import (
	"context"
	"time"
)

// storm: everyone drops at once and comes back at once, without jitter, with what they have of each room. The clock begins
// at the drop. Afterwards a message in each room shows that all are there.
func (r *run) storm(ctx context.Context) error {
	if err := r.connectAll(ctx, "connecting", func() {}); err != nil {
		return err
	}
	if !sleep(ctx, r.WarmUp) {
		return context.Cause(ctx)
	}
	before, err := r.meter.read(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	r.disconnect()
	dropped := time.Since(start)
	var back Histogram
	err = r.connectAll(ctx, "coming back", func() { back.Record(time.Since(start)) })
	if err != nil {
		return err
	}
	r.report.Seconds = time.Since(start).Seconds()
	r.report.Back = summarize(&back)
	r.report.DropMs = float64(dropped.Microseconds()) / 1000
	after, err := r.meter.read(ctx)
	if err != nil {
		return err
	}
	if len(r.Admin) > 0 {
		r.report.Server = &Server{CPUSeconds: after.cpu - before.cpu, RSSMiB: after.rss / (1 << 20)}
	}
	for _, room := range r.rooms {
		if err := room.seats[0].conn.send(room.seats[0], stamp{due: r.now()}); err != nil {
			return err
		}
	}
	r.settled(ctx)
	return nil
}
