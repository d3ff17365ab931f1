package scenario

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/natter-chat/natter/pkg/client"
)

// A gateway subscribes to what its clients are interested in, each once: rooms and users, however many connections have
// them. A user's subscription ends with the last connection, a room's a minute later.
func TestSubscriptions(t *testing.T) {
	t.Parallel()
	bus := startBus(t)
	s := startSharedOn(t, &system{nats: bus.ClientURL()})
	owner := newPerson(t, s.url, "owner") // never connects: counts nowhere
	rooms := []string{owner.newRoom(t), owner.newRoom(t), owner.newRoom(t), owner.newRoom(t)}

	// The constant: what a gateway always listens to, and the inbox of its requests, which readiness has made. The second
	// gateway has no clients, and no more than that.
	constant := subscriptions(t, bus, s)
	want := func(what string, limit time.Duration, want int) {
		t.Helper()
		within(t, limit, what, func() error {
			if n := subscriptions(t, bus, s) - constant; n != want {
				return fmt.Errorf("%d subscriptions and a constant of %d, want %d", n, constant, want)
			}
			return nil
		})
	}
	var devices []*device
	for i := range 3 { // three users with two devices each, in rooms 0 and 1, 1 and 2, 2 and 3
		p := newPerson(t, s.gatewayURL(0), fmt.Sprint("p", i))
		for _, room := range rooms[i : i+2] {
			if _, err := p.JoinRoom(t.Context(), room); err != nil {
				t.Fatal(err)
			}
		}
		devices = append(devices, p.connect(t, client.ConnOptions{}), p.connect(t, client.ConnOptions{}))
	}
	want("4 rooms and 3 users", patience, 4+3)
	devices[0].Close()
	devices[1].Close()
	want("4 rooms and 2 users", patience, 4+2)
	for _, d := range devices {
		d.Close()
	}
	want("4 rooms, kept for those who come back", patience, 4)
	if os.Getenv("NATTER_TEST_HEAVY") != "" {
		want("nothing", 2*time.Minute, 0)
	}
}

// startBus starts a NATS server that can be asked about its connections.
func startBus(tb testing.TB) *server.Server {
	tb.Helper()
	bus, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	if err != nil {
		tb.Fatal(err)
	}
	bus.Start()
	tb.Cleanup(func() { bus.Shutdown(); bus.WaitForShutdown() })
	if !bus.ReadyForConnections(patience) {
		tb.Fatal("NATS is not ready")
	}
	return bus
}

// subscriptions is how many the gateways have, as the bus knows it.
func subscriptions(tb testing.TB, bus *server.Server, s *system) (n int) {
	tb.Helper()
	all, err := bus.Connz(&server.ConnzOptions{Limit: 100})
	if err != nil {
		tb.Fatal(err)
	}
	gateways := 0
	for _, c := range all.Conns {
		if c.Name == "natter-edge-gateway" {
			gateways++
			n += int(c.NumSubs)
		}
	}
	if gateways != len(s.gateways) {
		tb.Fatalf("%d gateways are connected to the bus", gateways)
	}
	return n
}
