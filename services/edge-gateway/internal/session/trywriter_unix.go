//go:build unix

package session

import (
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
			if w.err != unix.EINTR { //nolint:errorlint // unix.Write returns a bare Errno
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
	switch w.err { //nolint:errorlint // unix.Write returns a bare Errno
	case nil:
		return w.n, nil
	case unix.EAGAIN:
		return 0, nil
	}
	return 0, w.err
}
