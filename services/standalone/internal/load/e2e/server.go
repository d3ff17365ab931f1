package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"syscall"
	"time"
)

// server is a process under test. It can be started again, on the same addresses and data.
type server struct {
	name, path string
	args, env  []string
	http       string // "": clients do not connect to it
	admin      string // "": it has none, and is ready when it accepts connections at listen
	listen     string

	cmd *exec.Cmd
	log bytes.Buffer
}

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 30 * time.Second
	poll         = 20 * time.Millisecond
)

func (s *server) urls() []string {
	if s.http == "" {
		return nil
	}
	return []string{"http://" + s.http}
}

func (s *server) admins() []string {
	if s.admin == "" {
		return []string{fmt.Sprintf("pid:%d", s.cmd.Process.Pid)}
	}
	return []string{s.admin}
}

// start implements target.
func (s *server) start(ctx context.Context) error {
	if s.cmd != nil {
		return nil
	}
	s.log.Reset()
	cmd := exec.CommandContext(ctx, s.path, s.args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, &s.log, &s.log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if _, err := cmd.StdinPipe(); err != nil { // the test server of NATS ends when it is closed
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w; `make bench-e2e` builds it", s.name, err)
	}
	s.cmd = cmd
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		err := s.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.stop()
			return fmt.Errorf("%s is not ready: %w; it said:\n%s", s.name, err, s.log.String())
		}
	}
}

// ready asks /readyz; the baseline has none and answers 404, which says as much.
func (s *server) ready(ctx context.Context) error {
	if s.admin == "" {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.listen)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.admin+"/readyz", nil)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: startTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusServiceUnavailable {
		return fmt.Errorf("readyz answers %s", res.Status)
	}
	return nil
}

// stop ends the server and waits for it: it drains, or is killed.
func (s *server) stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(stopTimeout, func() { _ = s.cmd.Process.Kill() })
	_ = s.cmd.Wait()
	kill.Stop()
	s.cmd = nil
}

// freeAddrs are loopback addresses that nobody listens on right now.
func freeAddrs(n int) (addrs []string, err error) {
	for range n {
		l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		addrs = append(addrs, l.Addr().String())
	}
	return addrs, nil
}
