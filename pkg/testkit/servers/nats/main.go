// Command nats is a NATS server for tests: `nats [address [configuration]]`. It listens on the loopback address that it is given
// or, without one or for "", on a free one, prints its URL as the first line of stdout and ends when stdin is closed.
package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	opts := &server.Options{}
	if len(os.Args) > 2 {
		var err error
		if opts, err = server.ProcessConfigFile(os.Args[2]); err != nil {
			return err
		}
	}
	opts.Host, opts.Port, opts.NoSigs = "127.0.0.1", server.RANDOM_PORT, true
	if len(os.Args) > 1 && os.Args[1] != "" {
		addr, err := netip.ParseAddrPort(os.Args[1])
		if err != nil {
			return err
		}
		opts.Host, opts.Port = addr.Addr().String(), int(addr.Port())
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return err
	}
	s.SetLogger(stderr{}, false, false)
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		return errors.New("not ready for connections")
	}
	fmt.Println(s.ClientURL())
	_, _ = io.Copy(io.Discard, os.Stdin)
	s.Shutdown()
	s.WaitForShutdown()
	return nil
}

// stderr logs what a failed test wants to see.
type stderr struct{}

func (stderr) Noticef(string, ...any)         {}
func (stderr) Debugf(string, ...any)          {}
func (stderr) Tracef(string, ...any)          {}
func (stderr) Warnf(format string, v ...any)  { fmt.Fprintf(os.Stderr, "warn: "+format+"\n", v...) }
func (stderr) Errorf(format string, v ...any) { fmt.Fprintf(os.Stderr, "error: "+format+"\n", v...) }
func (stderr) Fatalf(format string, v ...any) { fmt.Fprintf(os.Stderr, "fatal: "+format+"\n", v...) }
