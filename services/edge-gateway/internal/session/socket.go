package session

import (
	"bufio"
	"encoding/binary"
	"net"
	"net/http"
	"sync"
	"syscall"

	"github.com/coder/websocket"
)

const (
	// readBuffer is what a connection keeps for reading. Most wait most of the time, and net/http's buffers are 4 KiB each
	// way; a larger frame is read around the buffer.
	readBuffer = 256
	// writeBuffer is bufio's least: what the WebSocket writes is gathered by frames, see outlet.
	writeBuffer = 16
	// maxHeader is the longest header of a frame that a server sends (RFC 6455, section 5.2; it does not mask).
	maxHeader = 10
)

// hijacked is the ResponseWriter of an upgrade: it keeps the connection that websocket.Accept takes over, and gives it
// small buffers.
type hijacked struct {
	http.ResponseWriter
	in  *bufio.Reader
	out *outlet

	isEager bool // the client sent frames before it had the answer; in does not count them as buffered
}

// Hijack implements http.Hijacker.
func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, large, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.out = newOutlet(conn)
	h.in = large.Reader
	if h.isEager = h.in.Buffered() > 0; !h.isEager {
		h.in = bufio.NewReaderSize(conn, readBuffer)
	}
	return conn, bufio.NewReadWriter(h.in, bufio.NewWriterSize(h.out, writeBuffer)), nil
}

// outlet is the way out of a connection. Two write to it: the WebSocket its control frames (and compressed messages) and
// the flusher whole messages. Frames never mix: what cannot go out at once waits in rest, and one goroutine at a time
// drains that. It gets frames only: net/http has sent the answer to the upgrade.
type outlet struct {
	conn net.Conn
	raw  syscall.RawConn // nil when the connection is not a plain TCP socket

	gathering gathering // of what the WebSocket writes

	mu       sync.Mutex
	rest     []byte // frames, the first one perhaps without its beginning
	draining bool
	err      error // of the connection: nothing more goes out
}

func newOutlet(conn net.Conn) *outlet {
	o := &outlet{conn: conn}
	if tcp, ok := conn.(*net.TCPConn); ok {
		o.raw, _ = tcp.SyscallConn() // fails when it is closed, which a write will tell
	}
	return o
}

// Write takes what the WebSocket writes, in pieces, and sends each frame when it is complete: one system call instead of
// two. It waits for the socket, unless somebody else does already.
func (o *outlet) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		var frame []byte
		if frame, p = o.gathering.add(p); frame == nil {
			continue
		}
		o.mu.Lock()
		o.rest = append(o.rest, frame...)
		o.mu.Unlock()
		if err := o.drain(); err != nil {
			return n - len(p), err
		}
	}
	return n, nil
}

// try sends as much of a frame as the socket takes without waiting. If that is not all of it, isOut is false and the rest
// goes out with drain.
func (o *outlet) try(w *tryWriter, frame []byte) (isOut bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return false, o.err
	}
	n := 0
	if o.raw != nil && !o.draining && len(o.rest) == 0 {
		if n, o.err = w.write(o.raw, frame); o.err != nil {
			return false, o.err
		}
	}
	o.rest = append(o.rest, frame[n:]...)
	return len(o.rest) == 0, nil
}

// drain sends what is left over and waits until it is out, unless somebody else does that already.
func (o *outlet) drain() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.draining {
		return nil
	}
	o.draining = true
	for len(o.rest) > 0 && o.err == nil {
		rest := o.rest
		o.rest = nil
		o.mu.Unlock()
		_, err := o.conn.Write(rest)
		o.mu.Lock()
		o.err = err
	}
	o.draining = false
	return o.err
}

// framed puts a header before a message that begins at maxHeader in space, unless it was too long for that.
func framed(kind websocket.MessageType, space, message []byte) []byte {
	if cap(message) != cap(space)-maxHeader {
		space = append(make([]byte, maxHeader, maxHeader+len(message)), message...)
	}
	b := space[:maxHeader+len(message)]
	switch n := len(message); {
	case n >= 1<<16:
		binary.BigEndian.PutUint64(b[2:], uint64(n))
		b[1] = 127
	case n >= 126:
		b = b[maxHeader-4:]
		binary.BigEndian.PutUint16(b[2:], uint16(n))
		b[1] = 126
	default:
		b = b[maxHeader-2:]
		b[1] = byte(n)
	}
	const final = 0x80
	b[0] = final | byte(kind)
	return b
}

// gathering puts frames together again that were written in pieces. The zero value is one at the beginning of a frame.
type gathering struct {
	header  [maxHeader]byte // of the frame that is being gathered
	have    int             // bytes of header
	missing int             // bytes of the frame that are still to come, once its length is known
	frame   []byte          // nil between frames
}

// add takes a piece. It returns a frame, if that completes one, which is valid until the next call, and what is left of p.
func (g *gathering) add(p []byte) (frame, left []byte) {
	if g.frame == nil {
		if p = g.readHeader(p); g.frame == nil {
			return nil, p
		}
	}
	part := p[:min(len(p), g.missing)]
	g.frame = append(g.frame, part...)
	g.missing -= len(part)
	if g.missing == 0 {
		frame, g.frame = g.frame, nil
	}
	return frame, p[len(part):]
}

// readHeader takes what belongs to the header off p, and begins the frame when the header is complete.
func (g *gathering) readHeader(p []byte) []byte {
	for len(p) > 0 {
		g.header[g.have] = p[0]
		g.have++
		p = p[1:]
		if g.have < 2 {
			continue
		}
		size, length := 2, int(g.header[1]&0x7f)
		switch length {
		case 126:
			size = 4
		case 127:
			size = maxHeader
		}
		if g.have < size {
			continue
		}
		switch size {
		case 4:
			length = int(binary.BigEndian.Uint16(g.header[2:]))
		case maxHeader:
			length = int(binary.BigEndian.Uint64(g.header[2:]))
		}
		g.frame = append(make([]byte, 0, size+length), g.header[:size]...)
		g.missing, g.have = length, 0
		return p
	}
	return p
}
