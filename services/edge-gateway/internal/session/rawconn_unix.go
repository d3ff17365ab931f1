//go:build unix

package session

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// tryWriter writes to sockets without waiting. It is used by one goroutine; it exists so that a write allocates nothing.
type tryWriter struct {
	bytes []byte
	n     int
	err   error
	once  func(fd uintptr) (done bool)
}

func newTryWriter() *tryWriter {
	w := &tryWriter{}
	w.once = func(fd uintptr) bool {
		for {
			w.n, w.err = unix.Write(int(fd), w.bytes)
			if !errors.Is(w.err, unix.EINTR) {
				return true // whatever came of it: the runtime is not to wait
			}
		}
	}
	return w
}

// write writes as much of p as the socket takes now, which may be nothing.
func (w *tryWriter) write(conn syscall.RawConn, p []byte) (n int, err error) {
	w.bytes = p
	if err := conn.Write(w.once); err != nil {
		return 0, err
	}
	if errors.Is(w.err, unix.EAGAIN) {
		return 0, nil
	}
	return max(w.n, 0), w.err
}

// awaitInput returns when there is something to read, or nothing ever will be. It needs so little stack that a goroutine
// that waits in it keeps the 2 KiB it began with; a goroutine that waits in the WebSocket's Read takes twice as much.
func awaitInput(conn syscall.RawConn) { _ = conn.Read(hasInput) } // who reads next finds out what failed

// hasInput reports whether a read would not wait.
func hasInput(fd uintptr) bool {
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds[:], 0)
	return n > 0 || err != nil
}
