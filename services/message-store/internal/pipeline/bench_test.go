package pipeline_test

import (
	"fmt"
	"strings"
	"testing"

	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
)

// Submit to reply on SQLite, with so many commands given to the lane at a time: its commits have that size at most.
func BenchmarkPipeline(b *testing.B) {
	for _, size := range []int{1, 256} {
		b.Run(fmt.Sprint("batch=", size), func(b *testing.B) {
			f := newFixture()
			p := start(b, f, openSQLite(b, dbPath(b)), 1)
			ack(b, p, f, f.send(2, "warm", "up"))
			content := strings.Repeat("a message of ordinary length ", 4)
			answers := make(chan []*busv1.Outcome, size)
			reply := func(o []*busv1.Outcome) { answers <- o }
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				for range size {
					n++
					p.Submit(f.room, []*busv1.Command{f.send(2, fmt.Sprint("nonce of ordinary length ", n), content)}, reply)
				}
				for range size {
					if o := <-answers; o[0].GetAck() == nil {
						b.Fatal(o)
					}
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "acks/s")
		})
	}
}
