package scenario

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/natter-chat/natter/pkg/permission/permissiontest"
	"github.com/natter-chat/natter/pkg/testkit"
)

// system is a running Natter.
type system struct {
	url       string // where clients go: the one process, or the load balancer
	gateways  []*process
	stores    []*process
	processes []*process // all of them, in the order of their start
	nats      string     // URL of the bus; "" in the one process
	bus       *permissiontest.Server
	wires     map[string]*proxy
	// small: its message-stores stand on FerretDB, which reads everything at every query.
	small bool
}

// quick are the settings of every system under test: cheap passwords, a short drain, no rate limits, and no reset however
// far a client falls behind.
var quick = []string{
	"NATTER_ARGON2_MEMORY=64KiB", "NATTER_ARGON2_TIME=1", "NATTER_HTTP_RATE_AUTH=off", "NATTER_HTTP_RATE_WRITE=off", "NATTER_SIGN_UPS_PER_ADDRESS=0",
	"NATTER_HTTP_RATE_READ=off", "NATTER_FRAME_RATE_CONNECTION=off", "NATTER_FRAME_RATE_USER=off", "NATTER_FRAME_RATE_IP=off",
	"NATTER_CONNECTIONS_PER_IP=off", "NATTER_COMMANDS_PER_SECOND=100000", "NATTER_DRAIN_WINDOW=200ms", "NATTER_RESUME_EVENTS=1000000",
	"NATTER_FILES_SWEEP=1s",
}

// everywhere runs a scenario on the one process and on the services apart.
func everywhere(t *testing.T, scenario func(t *testing.T, s *system)) {
	t.Helper()
	for name, start := range map[string]func(testing.TB, ...string) *system{"one process": startOne, "apart": startApart} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario(t, start(t))
		})
	}
}

// startOne starts the one process on fresh data.
func startOne(tb testing.TB, env ...string) *system {
	tb.Helper()
	http := freeAddr(tb)
	s := &system{url: "http://" + http}
	p := s.add(tb, "natter", "natter", append(env, "NATTER_HTTP_ADDR="+http, "NATTER_PUBLIC_URL=http://"+http, "NATTER_DATA_DIR="+filepath.Join(tb.TempDir(), "data"))...)
	s.gateways, s.stores = []*process{p}, []*process{p}
	s.start(tb)
	return s
}

// startApart starts the services as separate processes over NATS, PostgreSQL and a Mongo wire server, each reached
// through a wire that can be cut: "nats", "postgres", "mongo".
func startApart(tb testing.TB, env ...string) *system {
	tb.Helper()
	s := &system{wires: map[string]*proxy{}, small: true, bus: permissiontest.Start(tb)}
	s.nats = s.bus.URL
	return s.startServices(tb, append([]string{
		"NATTER_POSTGRES_URL=" + s.wire(tb, "postgres", testkit.Postgres(tb)),
		"NATTER_MONGODB_URL=" + s.wire(tb, "mongo", testkit.Mongo(tb)),
		"NATTER_NATS_URL=" + s.wire(tb, "nats", s.nats),
	}, env...))
}

// startShared starts the services as separate processes over NATS; those of a kind share a SQLite file. Each
// message-store and gateway has its own wire to NATS: "nats-message-store-1", "nats-edge-gateway-1", ….
func startShared(tb testing.TB, env ...string) *system {
	tb.Helper()
	bus := permissiontest.Start(tb)
	return startSharedOn(tb, &system{bus: bus, nats: bus.URL}, env...)
}

func startSharedOn(tb testing.TB, s *system, env ...string) *system {
	tb.Helper()
	s.wires = map[string]*proxy{}
	dir := tb.TempDir()
	return s.startServices(tb, append([]string{"NATTER_DATA_DIR=" + dir, "NATTER_NATS_URL=" + s.nats}, env...), "message-store-1",
		"message-store-2", "edge-gateway-1", "edge-gateway-2")
}

// startServices starts two gateways behind a load balancer, two message-stores, auth and rooms. Those in wired reach NATS
// by a wire of their own.
func (s *system) startServices(tb testing.TB, env []string, wired ...string) *system {
	tb.Helper()
	env = append(env, "NATTER_SECRET_KEY=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "NATTER_FILES_URL=file://"+tb.TempDir())
	service := func(name, binary string, more ...string) *process {
		if s.bus != nil {
			more = append(more, "NATTER_NATS_NKEY="+s.bus.Seed(binary))
		}
		for _, w := range wired {
			if w == name {
				more = append(more, "NATTER_NATS_URL="+s.wire(tb, "nats-"+name, s.nats))
			}
		}
		return s.add(tb, name, binary, append(append([]string{}, env...), more...)...)
	}
	service("auth", "auth")
	service("rooms", "rooms")
	s.stores = []*process{service("message-store-1", "message-store"), service("message-store-2", "message-store")}
	var public []string
	for i := range 2 {
		addr := freeAddr(tb)
		public = append(public, addr)
		s.gateways = append(s.gateways, service(fmt.Sprintf("edge-gateway-%d", i+1), "edge-gateway", "NATTER_HTTP_ADDR="+addr))
	}
	s.url = "http://" + newProxy(tb, public...).addr()
	s.processes[0].env = append(s.processes[0].env, "NATTER_PUBLIC_URL="+s.url)
	s.start(tb)
	return s
}

// add defines a process. It is stopped when the test ends; if that failed, what it said is shown.
func (s *system) add(tb testing.TB, name, binary string, env ...string) *process {
	tb.Helper()
	p := &process{name: name, binary: binary, admin: freeAddr(tb)}
	p.env = append(append(append([]string{}, quick...), env...), "NATTER_ADMIN_ADDR="+p.admin)
	s.processes = append(s.processes, p)
	tb.Cleanup(func() {
		p.kill()
		if strings.Contains(p.log.all(), nats.ErrPermissionViolation.Error()) {
			tb.Errorf("%s may not do on the bus what it does; see package permission", name)
		}
		if tb.Failed() {
			tb.Logf("%s said, at last:\n%s", name, p.log.tail())
			if dir := os.Getenv("NATTER_TEST_LOGS"); dir != "" {
				_ = os.WriteFile(filepath.Join(dir, name+".log"), []byte(p.log.all()), 0o600)
			}
		}
	})
	return p
}

// start launches all processes and waits until every one is ready.
func (s *system) start(tb testing.TB) {
	tb.Helper()
	for _, p := range s.processes {
		p.launch(tb)
	}
	for _, p := range s.processes {
		p.waitReady(tb)
	}
}

// wire puts a proxy in front of the server in a URL and returns the URL through it.
func (s *system) wire(tb testing.TB, name, target string) string {
	tb.Helper()
	u, err := url.Parse(target)
	if err != nil {
		tb.Fatal(err)
	}
	backend := u.Host
	if dir := u.Query().Get("host"); dir != "" { // PostgreSQL on a Unix socket
		backend = filepath.Join(dir, ".s.PGSQL.5432")
		u.RawQuery = "sslmode=disable"
	}
	p := newProxy(tb, backend)
	s.wires[name] = p
	u.Host = p.addr()
	return u.String()
}

// gatewayURL is one gateway, past the load balancer.
func (s *system) gatewayURL(i int) string {
	for _, kv := range s.gateways[i%len(s.gateways)].env {
		if len(kv) > 17 && kv[:17] == "NATTER_HTTP_ADDR=" {
			return "http://" + kv[17:]
		}
	}
	return s.url
}

// commits reads how many batches a message-store has committed.
func (p *process) commits(tb testing.TB) string {
	tb.Helper()
	_, body := p.get(tb.Context(), "/metrics")
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "natter_message_store_commit_batch_size_count") {
			return line
		}
	}
	return ""
}
