package session

import (
	"bufio"
	"encoding/binary"
	"net"
	"net/http"
	"sync"
)

const (
	// readBuffer is what a connection keeps for reading. Most wait most of the time, and net/http's buffers are 4 KiB each
	// way; a larger frame is read around the buffer.
	readBuffer = 512
	// writeBuffer is bufio's least. What the WebSocket writes is gathered in a pooled buffer instead, see cork.
	writeBuffer = 16
	// maxHeader is the longest header of a frame that a server sends (RFC 6455, section 5.2; it does not mask).
	maxHeader = 10
)

// hijacked is the ResponseWriter of an upgrade: it keeps the connection that websocket.Accept takes over, and gives it
// small buffers.
type hijacked struct {
	http.ResponseWriter
	conn    net.Conn
	buffers *sync.Pool
}

// Hijack implements http.Hijacker.
func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, large, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.conn = conn
	if large.Reader.Buffered() > 0 {
		return conn, large, nil // a client that did not wait for the answer keeps the buffer its frames are in
	}
	return conn, bufio.NewReadWriter(bufio.NewReaderSize(conn, readBuffer),
		bufio.NewWriterSize(&cork{conn: conn, buffers: h.buffers}, writeBuffer)), nil
}

// cork makes one system call of each frame: the WebSocket writes header and payload one after the other, and every write
// costs more than the copy. It is written to by one goroutine at a time, and gets frames only: net/http has sent the answer to the upgrade.
type cork struct {
	conn    net.Conn
	buffers *sync.Pool

	header  [maxHeader]byte // of the frame that is being gathered
	have    int             // bytes of header
	missing int             // bytes of the frame that are still to come, once its length is known
	frame   *[]byte         // from the pool; nil between frames
}

// Write gathers a frame and sends it when it is complete.
func (c *cork) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if c.frame == nil {
			p = c.readHeader(p)
			continue
		}
		part := p[:min(len(p), c.missing)]
		*c.frame = append(*c.frame, part...)
		c.missing -= len(part)
		p = p[len(part):]
		if c.missing > 0 {
			continue
		}
		if err := c.send(); err != nil {
			return n - len(p), err
		}
	}
	if c.frame != nil && c.missing == 0 { // a frame without payload
		if err := c.send(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// readHeader takes what belongs to the header off p, and begins the frame when the header is complete.
func (c *cork) readHeader(p []byte) []byte {
	for len(p) > 0 && c.frame == nil {
		c.header[c.have] = p[0]
		c.have++
		p = p[1:]
		if c.have < 2 {
			continue
		}
		size, length := 2, int(c.header[1]&0x7f)
		switch length {
		case 126:
			size = 4
		case 127:
			size = maxHeader
		}
		if c.have < size {
			continue
		}
		switch size {
		case 4:
			length = int(binary.BigEndian.Uint16(c.header[2:]))
		case maxHeader:
			length = int(binary.BigEndian.Uint64(c.header[2:]))
		}
		c.frame, _ = c.buffers.Get().(*[]byte)
		*c.frame = append((*c.frame)[:0], c.header[:c.have]...)
		c.missing, c.have = length, 0
	}
	return p
}

func (c *cork) send() error {
	_, err := c.conn.Write(*c.frame)
	if cap(*c.frame) <= maxPooled {
		c.buffers.Put(c.frame)
	}
	c.frame = nil
	return err
}
