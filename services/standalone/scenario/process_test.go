package scenario

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience is how long a scenario waits for what must happen; it is no measurement.
const patience = 60 * time.Second

// process is one program of Natter. It can be killed and started again, on the same addresses and data.
type process struct {
	name, binary string
	env          []string
	admin        string

	mu  sync.Mutex
	cmd *exec.Cmd
	log lockedBuffer
}

// start runs the program and waits until it is ready.
func (p *process) start(tb testing.TB) {
	tb.Helper()
	p.launch(tb)
	p.waitReady(tb)
}

func (p *process) launch(tb testing.TB) {
	tb.Helper()
	cmd := exec.Command(filepath.Join(binaries, p.binary))
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		tb.Fatalf("start %s: %v", p.name, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd = cmd
}

func (p *process) waitReady(tb testing.TB) {
	tb.Helper()
	eventually(tb, p.name+" is ready", func() error {
		status, body := p.get(tb.Context(), "/readyz")
		if status != http.StatusOK {
			return fmt.Errorf("readyz: %d %s\n%s", status, body, p.log.tail())
		}
		return nil
	})
}

// get asks the admin port; status 0: it does not answer.
func (p *process) get(ctx context.Context, path string) (status int, body string) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.admin+path, nil)
	if err != nil {
		return 0, err.Error()
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	var b bytes.Buffer
	_, _ = b.ReadFrom(res.Body)
	return res.StatusCode, b.String()
}

// kill is SIGKILL: nothing is finished, nothing is flushed.
func (p *process) kill() { p.end(syscall.SIGKILL) }

// terminate is SIGTERM: the process drains. It returns when it has ended.
func (p *process) terminate() { p.end(syscall.SIGTERM) }

func (p *process) end(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(sig)
	_ = p.cmd.Wait()
	p.cmd = nil
}

// eventually polls until check succeeds, or fails the test with what it said last.
func eventually(tb testing.TB, what string, check func() error) {
	tb.Helper()
	within(tb, patience, what, check)
}

func within(tb testing.TB, limit time.Duration, what string, check func() error) {
	tb.Helper()
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("%s: not within %s: %v", what, limit, err)
		}
		<-tick.C
	}
}

// nextPort walks below the range that the kernel takes ports for outgoing connections from: a process that is started
// again must find its port free.
var nextPort atomic.Uint32

// freeAddr is a loopback address that nobody listens on.
func freeAddr(tb testing.TB) string {
	tb.Helper()
	const first, count = 12_000, 20_000
	nextPort.CompareAndSwap(0, uint32(os.Getpid())) // two runs at once begin at different ports
	for range count {
		addr := fmt.Sprintf("127.0.0.1:%d", first+nextPort.Add(1)%count)
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close()
			return addr
		}
	}
	tb.Fatal("no port is free")
	return ""
}

// lockedBuffer keeps what a process says.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// all is what it said so far.
func (b *lockedBuffer) all() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// tail is the end of it.
func (b *lockedBuffer) tail() string {
	lines := strings.Split(b.all(), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}
