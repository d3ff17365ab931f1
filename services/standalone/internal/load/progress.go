package load

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Progress shows on a terminal how far things are. The nil Progress shows nothing.
type Progress struct{ w io.Writer }

// NewProgress draws on a terminal.
func NewProgress(w io.Writer) *Progress { return &Progress{w} }

const (
	redraw   = 200 * time.Millisecond
	barWidth = 30
)

// bar is one thing under way.
type bar struct{ quit, gone chan struct{} }

// start draws a bar until it is stopped; value is how much of total is done. value may be called concurrently.
func (p *Progress) start(what string, total int, value func() int64) *bar {
	b := &bar{make(chan struct{}), make(chan struct{})}
	if p == nil || total == 0 {
		close(b.gone)
		return b
	}
	go func() {
		defer close(b.gone)
		tick := time.NewTicker(redraw)
		defer tick.Stop()
		for {
			select {
			case <-b.quit:
				_, _ = fmt.Fprintf(p.w, "\r\x1b[K")
				return
			case <-tick.C:
				share := min(1, float64(value())/float64(total))
				full := int(share * barWidth)
				_, _ = fmt.Fprintf(p.w, "\r\x1b[K%-14s [%s%s] %3.0f %%", what,
					strings.Repeat("=", full), strings.Repeat(" ", barWidth-full), 100*share)
			}
		}
	}()
	return b
}

// stop takes the bar off the screen.
func (b *bar) stop() {
	close(b.quit)
	<-b.gone
}
