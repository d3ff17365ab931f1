package presence

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/testkit"
	"github.com/natter-chat/natter/services/edge-gateway/internal/feed"
)

// counter is a client that counts what it is told.
type counter struct{ frames *atomic.Int64 }

func (c *counter) Enqueue(*feed.Frame) { c.frames.Add(1) }

// BenchmarkFlaps is a second of a server where 1 % of the users go away or come back: one operation. Each of 100 clients on
// another gateway watches the same 150 users: with ten times as many online, ten times as many flap, but of those watched as
// many as before, and so the gateway and its clients hear as much as before.
func BenchmarkFlaps(b *testing.B) {
	const clients, watched = 100, 150
	for _, all := range []int{1500, 15_000} {
		b.Run(fmt.Sprint("online=", all), func(b *testing.B) {
			url, auth := testkit.NATS(b), newPeople()
			theirs, _ := startGateway(b, url, auth, protocol())
			ours, _ := startGateway(b, url, auth, protocol())
			users := make([]ids.User, all)
			for i := range users {
				users[i] = ids.New[ids.User]()
				theirs.Set(users[i], Online)
			}
			var frames atomic.Int64
			for range clients {
				if err := ours.Watch(&counter{&frames}, users[:watched]); err != nil {
					b.Fatal(err)
				}
			}
			end, last := newScreen(b), ids.New[ids.User]()
			end.watch(ours, last)
			end.expect("all are known", gone(last))
			frames.Store(0)
			state := map[int]State{}
			for b.Loop() {
				for range all / 100 {
					n := rand.IntN(all)
					if state[n] == Away {
						state[n] = Online
					} else {
						state[n] = Away
					}
					theirs.Set(users[n], state[n])
				}
			}
			theirs.Set(last, Online)
			end.expect("the last change", online(last))
			heard := ours.nc.Stats().InMsgs
			b.ReportMetric(float64(heard)/float64(b.N), "heard/op")
			b.ReportMetric(float64(frames.Load())/float64(b.N*clients), "frames/client/op")
		})
	}
}
