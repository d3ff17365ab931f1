// Package scenario is Natter as its users and operators meet it: real processes, real sockets, the Go SDK. The same
// scenarios run over the one process (SQLite, NATS inside) and over the services apart: two gateways behind a load
// balancer, two message-stores, NATS, PostgreSQL and a MongoDB server. Those that kill processes under load run on
// SQLite files that the separate processes share.
package scenario

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binaries is where the programs under test are built.
var binaries string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "natter-scenario-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binaries = dir
	const services = "github.com/natter-chat/natter/services/"
	// As make build builds them: what is tested is what is shipped, and it is compiled once.
	build := exec.Command("go", "build", "-trimpath", "-o", dir+string(filepath.Separator), services+"standalone/cmd/natter",
		services+"auth/cmd/auth", services+"rooms/cmd/rooms", services+"message-store/cmd/message-store",
		services+"edge-gateway/cmd/edge-gateway")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build the programs under test:", err)
		return 1
	}
	return m.Run()
}
