package session

import (
	"crypto/tls"
	"net"
	"syscall"
	"testing"
)

// sendBuffer is what the kernel has for a socket.
func sendBuffer(t *testing.T, conn *net.TCPConn) (bytes int) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var optErr error
	err = raw.Control(func(fd uintptr) {
		bytes, optErr = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF)
	})
	if err != nil || optErr != nil {
		t.Fatal(err, optErr)
	}
	return bytes
}

// wrapped is a connection around another one, as a listener of proxy headers makes it.
type wrapped struct{ net.Conn }

func (w wrapped) NetConn() net.Conn { return w.Conn }

func TestSendBufferIsBound(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"TCP":             func(c net.Conn) net.Conn { return c },
		"TLS":             func(c net.Conn) net.Conn { return tls.Server(c, nil) },
		"TLS and a layer": func(c net.Conn) net.Conn { return tls.Server(wrapped{c}, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := boundSendBuffer(wrap(conn), 20<<10); err != nil {
				t.Fatal(err)
			}
			tcp, _ := conn.(*net.TCPConn)
			if got := sendBuffer(t, tcp); got != 20<<10 && got != 2*20<<10 { // Linux doubles it
				t.Errorf("the send buffer has %d bytes", got)
			}
		})
	}
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	if err := boundSendBuffer(near, 20<<10); err != nil {
		t.Errorf("a connection without a socket: %v", err)
	}
}
