package scenario

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// proxy is a TCP proxy: a load balancer over several backends, or a wire that a test can cut.
type proxy struct {
	listener net.Listener
	backends []string

	mu       sync.Mutex
	cut      bool // refuse and drop
	mute     bool // backends' answers pass, what clients send does not
	next     int
	conns    map[net.Conn]struct{}
	handlers sync.WaitGroup
}

func newProxy(tb testing.TB, backends ...string) *proxy {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &proxy{listener: l, backends: backends, conns: map[net.Conn]struct{}{}}
	p.handlers.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.handlers.Go(func() { p.serve(c) })
		}
	})
	tb.Cleanup(func() {
		_ = l.Close()
		p.setCut(true)
		p.handlers.Wait()
	})
	return p
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

// serve connects a client to the next backend that answers.
func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	backend := p.dial()
	if backend == nil {
		return
	}
	defer backend.Close()
	if !p.track(client, backend) {
		return
	}
	defer p.untrack(client, backend)
	var both sync.WaitGroup
	both.Go(func() { p.copyUp(backend, client); _ = backend.Close() })
	both.Go(func() {
		// Not the bare connections: between two of them Copy splices, by a pipe of two more open files.
		_, _ = io.Copy(struct{ io.Writer }{client}, struct{ io.Reader }{backend})
		_ = client.Close()
	})
	both.Wait()
}

func (p *proxy) dial() net.Conn {
	p.mu.Lock()
	p.next++
	first, cut := p.next, p.cut
	p.mu.Unlock()
	for i := range p.backends {
		if cut {
			return nil
		}
		backend, network := p.backends[(first+i)%len(p.backends)], "tcp"
		if strings.HasPrefix(backend, "/") {
			network = "unix"
		}
		if c, err := net.Dial(network, backend); err == nil {
			return c
		}
	}
	return nil
}

// copyUp passes on what the client sends, unless it is muted: then it vanishes.
func (p *proxy) copyUp(backend io.Writer, client io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := client.Read(buf)
		p.mu.Lock()
		mute := p.mute
		p.mu.Unlock()
		if !mute && n > 0 {
			if _, err := backend.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *proxy) track(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
	return !p.cut
}

func (p *proxy) untrack(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
	}
}

// setCut cuts every connection and refuses new ones, or lets them through again.
func (p *proxy) setCut(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
	if cut {
		for c := range p.conns {
			_ = c.Close()
		}
	}
}

// setMute makes what clients send vanish.
func (p *proxy) setMute(mute bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = mute
}
