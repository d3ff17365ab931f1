package scenario

import (
	"encoding/json"
	"strings"
	"testing"

	natterload "github.com/natter-chat/natter/services/standalone/internal/load"
)

// TestNatterLoad runs every profile of `natter load` for a moment, in both encodings: nothing is lost, doubled or out of
// order, and the generator sees that something was delivered.
func TestNatterLoad(t *testing.T) {
	t.Parallel()
	s := startOne(t)
	var data string
	for _, kv := range s.gateways[0].env {
		if dir, ok := strings.CutPrefix(kv, "NATTER_DATA_DIR="); ok {
			data = dir
		}
	}
	for _, args := range []string{
		"fanout", "fanout --json-frames", "fanout --rate 200 --senders 2", "fanout --rooms 4 --rooms-per-user 2", "reach", "ack", "idle", "storm", "chat --rate 50",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			all := append([]string{"load"}, strings.Fields(args)...)
			if !strings.Contains(args, "--rooms ") {
				all = append(all, "--rooms", "2")
			}
			n := s.natter(t, append(all, "--users", "6", "--duration", "500ms", "--warm-up", "100ms", "--settle", "100ms",
				"--data", data, "--admin", s.gateways[0].admin, "--json", "-")...)
			if err := n.Wait(); err != nil {
				t.Fatalf("%v: %s", err, n.err.String())
			}
			var r natterload.Report
			if err := json.Unmarshal([]byte(n.out.String()), &r); err != nil {
				t.Fatalf("%v in %s", err, n.out.String())
			}
			if r.Lost != 0 || r.Duplicates != 0 || r.OutOfOrder != 0 {
				t.Errorf("lost %d, duplicates %d, out of order %d", r.Lost, r.Duplicates, r.OutOfOrder)
			}
			if r.Connections != 12 || r.Server == nil {
				t.Errorf("%d connections, server %v", r.Connections, r.Server)
			}
			switch r.Profile {
			case "fanout", "reach", "ack", "chat":
				if r.Deliveries == 0 || r.Acks == 0 {
					t.Errorf("%d deliveries, %d acks", r.Deliveries, r.Acks)
				}
				if r.Profile == "reach" && r.Reach == nil {
					t.Error("no message reached all")
				}
			case "storm":
				if r.Back == nil {
					t.Error("nobody came back")
				}
			}
		})
	}
}
