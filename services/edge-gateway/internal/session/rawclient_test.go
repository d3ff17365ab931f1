package session

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The first byte of a frame (RFC 6455, section 5.2).
const (
	fin, rsv1, rsv2, rsv3        = 0x80, 0x40, 0x20, 0x10
	opContinuation               = 0x0
	opText, opBinary             = 0x1, 0x2
	opClose, opPing, opPong byte = 0x8, 0x9, 0xa
)

// handshake is what every upgrade needs, with the key of the RFC's example.
const handshake = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// rawClient is a peer that follows no library: a TCP connection, and bytes.
type rawClient struct {
	tb   testing.TB
	conn *net.TCPConn
	r    *bufio.Reader
	more []string // what else came in the last message
}

// request sends these bytes on a new connection, and reads the answer.
func (g *gateway) request(tb testing.TB, request string) (*rawClient, *http.Response) {
	tb.Helper()
	conn, err := (&net.Dialer{}).DialContext(tb.Context(), "tcp", strings.TrimPrefix(g.url, "ws://"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	tcp, _ := conn.(*net.TCPConn)
	c := &rawClient{tb: tb, conn: tcp, r: bufio.NewReader(conn)}
	c.write(request)
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return c, res
}

// upgrade is request, for a WebSocket, with these header lines.
func (g *gateway) upgrade(tb testing.TB, lines ...string) (*rawClient, *http.Response) {
	tb.Helper()
	return g.request(tb, "GET / HTTP/1.1\r\nHost: gateway.example\r\n"+handshake+strings.Join(append(lines, "", ""), "\r\n"))
}

func helloText(tb testing.TB, p *person) string {
	tb.Helper()
	return fmt.Sprintf(`{"id":1,"hello":{"token":%q}}`, p.token(tb, time.Hour))
}

// signIn is upgrade and a hello, for JSON.
func (g *gateway) signIn(tb testing.TB, p *person) *rawClient {
	tb.Helper()
	c, res := g.upgrade(tb)
	if res.StatusCode != http.StatusSwitchingProtocols {
		tb.Fatal(res.Status)
	}
	c.write(masked(fin|opText, helloText(tb, p)))
	if f := c.frame(); !strings.HasPrefix(f, `text {"id":1,"welcome"`) {
		tb.Fatal(f)
	}
	return c
}

func (c *rawClient) write(data string) {
	c.tb.Helper()
	if _, err := io.WriteString(c.conn, data); err != nil {
		c.tb.Fatal(err)
	}
}

// masked is a frame as a client sends it: the first byte, and the payload.
func masked(first byte, payload string) string {
	var length []byte
	switch n := len(payload); {
	case n < 126:
		length = []byte{byte(n)}
	case n < 1<<16:
		length = binary.BigEndian.AppendUint16([]byte{126}, uint16(n))
	default:
		length = binary.BigEndian.AppendUint64([]byte{127}, uint64(n))
	}
	return maskedAs(first, string(length), payload)
}

// maskedAs is masked with a length as it is given, right or wrong.
func maskedAs(first byte, length, payload string) string {
	const key = "\x37\xfa\x21\x3d"
	b := append([]byte{first}, length...)
	b[1] |= 0x80
	b = append(b, key...)
	for i := range len(payload) {
		b = append(b, payload[i]^key[i%4])
	}
	return string(b)
}

// closing is the payload of a close frame.
func closing(code uint16, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, code)) + reason
}

// frame reads a frame of the server: "text {…}", "deflated text {…}", "pong …", "close 1002" (the reason is left out),
// "close" when it has no code, or "end" when the connection is closed. The answers in one message come one by one.
func (c *rawClient) frame() string {
	c.tb.Helper()
	if len(c.more) > 0 {
		f := c.more[0]
		c.more = c.more[1:]
		return f
	}
	first, err := c.r.ReadByte()
	if err != nil {
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			c.tb.Fatalf("neither a frame nor the end: %v", err)
		}
		return "end" // or a reset: something that we sent was not read
	}
	length, err := c.r.ReadByte()
	n := uint64(length)
	switch {
	case err != nil:
	case n == 126:
		var b [2]byte
		_, err = io.ReadFull(c.r, b[:])
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case n == 127:
		var b [8]byte
		_, err = io.ReadFull(c.r, b[:])
		n = binary.BigEndian.Uint64(b[:])
	case n > 127:
		c.tb.Fatal("the server masks")
	}
	payload := make([]byte, min(n, 1<<20))
	if err == nil {
		_, err = io.ReadFull(c.r, payload)
	}
	if err != nil {
		c.tb.Fatalf("half a frame: %v", err)
	}
	switch first {
	case fin | opText:
		lines := strings.Split(string(payload), "\n")
		for _, line := range lines[1:] {
			c.more = append(c.more, "text "+line)
		}
		return "text " + lines[0]
	case fin | rsv1 | opText:
		return "deflated text " + inflate(c.tb, payload)
	case fin | opPong:
		return "pong " + string(payload)
	case fin | opClose:
		if len(payload) == 0 {
			return "close"
		}
		return fmt.Sprint("close ", binary.BigEndian.Uint16(payload))
	}
	c.tb.Fatalf("a frame that begins with %x", first)
	return ""
}

// flushTail is the end of what a flush writes; permessage-deflate leaves it out (RFC 7692, section 7.2.1).
const flushTail = "\x00\x00\xff\xff"

func deflate(tb testing.TB, text string) string {
	tb.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), flushTail)
}

func inflate(tb testing.TB, payload []byte) string {
	tb.Helper()
	r := flate.NewReader(io.MultiReader(bytes.NewReader(payload), strings.NewReader(flushTail+"\x01\x00\x00\xff\xff"))) // and a last, empty block
	text, err := io.ReadAll(r)
	if err != nil {
		tb.Fatalf("not deflated: %v", err)
	}
	return string(text)
}
