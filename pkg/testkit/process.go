package testkit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// serverProcess runs one of the programs under servers/ until tb ends and returns what it printed as its first line: its
// URL. What it wrote to stderr is shown when tb failed. The process also ends when this one is killed: it reads a pipe.
func serverProcess(tb testing.TB, program string, args ...string) (url string) {
	tb.Helper()
	binary, err := serverBinary(program)
	if err != nil {
		tb.Fatalf("testkit: %v", err)
	}
	cmd := exec.Command(binary, args...)
	stderr := &log{}
	cmd.Stderr = stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatalf("testkit: %v", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatalf("testkit: %v", err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatalf("testkit: %v", err)
	}
	tb.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill() // a test wants neither its data nor a farewell
		_ = cmd.Wait()
		if tb.Failed() {
			tb.Logf("%s said:\n%s", program, stderr)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		tb.Fatalf("testkit: %s did not start: %v", program, err)
	}
	return strings.TrimSpace(line)
}

// serverBinary returns the path of a built program, in the user's cache, named after the hash of its source and of the
// versions it is pinned to. The first of several test processes builds it, the others wait for its lock.
func serverBinary(program string) (string, error) {
	_, here, _, _ := runtime.Caller(0)
	source := filepath.Join(filepath.Dir(here), "servers")
	hash := sha256.New()
	for _, name := range []string{"go.mod", "go.sum", filepath.Join(program, "main.go")} {
		b, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return "", fmt.Errorf("source of %s (tests built with -trimpath cannot find it): %w", program, err)
		}
		_, _ = hash.Write(b)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "natter-testkit")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	binary := filepath.Join(dir, program+"-"+runtime.Version()+"-"+hex.EncodeToString(hash.Sum(nil)[:8]))
	unlock, err := lockFile(filepath.Join(dir, program+".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	build := exec.Command("go", "build", "-mod=readonly", "-race=false", "-trimpath", "-o", binary+".new", "./"+program)
	build.Dir = source
	build.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", program, err, out)
	}
	return binary, os.Rename(binary+".new", binary)
}

// lockFile waits for an exclusive lock that the kernel releases if this process dies.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

// log keeps what a process wrote to stderr.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
