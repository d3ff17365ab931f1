package session

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"testing"
)

// calls is a connection that keeps what each write got.
type calls struct {
	net.Conn
	writes [][]byte
	err    error
}

func (c *calls) Write(p []byte) (int, error) {
	c.writes = append(c.writes, bytes.Clone(p))
	return len(p), c.err
}

// frame is one as a server sends it.
func frame(opcode byte, payload []byte) []byte {
	f := []byte{0x80 | opcode}
	switch n := len(payload); {
	case n < 126:
		f = append(f, byte(n))
	case n < 1<<16:
		f = binary.BigEndian.AppendUint16(append(f, 126), uint16(n))
	default:
		f = binary.BigEndian.AppendUint64(append(f, 127), uint64(n))
	}
	return append(f, payload...)
}

func newCork(conn net.Conn) *outlet {
	return newOutlet(conn)
}

func TestCorkWritesEachFrameAtOnce(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	conn := &calls{}
	c := newCork(conn)
	var frames [][]byte
	var stream []byte
	for _, size := range []int{0, 1, 125, 126, 127, 0, 0, 65535, 65536, 100_000, 2, 0} {
		payload := make([]byte, size)
		for i := range payload {
			payload[i] = byte(rng.Uint32())
		}
		f := frame(byte(1+size%2), payload)
		frames = append(frames, f)
		stream = append(stream, f...)
	}
	for len(stream) > 0 { // in pieces of any size: across headers, across frames
		n := min(len(stream), 1+rng.IntN(1<<rng.IntN(18)))
		if wrote, err := c.Write(stream[:n]); wrote != n || err != nil {
			t.Fatalf("Write = %d, %v; want %d", wrote, err, n)
		}
		stream = stream[n:]
	}
	if len(conn.writes) != len(frames) {
		t.Fatalf("%d system calls for %d frames", len(conn.writes), len(frames))
	}
	for i, f := range frames {
		if !bytes.Equal(conn.writes[i], f) {
			t.Errorf("frame %d of %d bytes arrived as %d other ones", i, len(f), len(conn.writes[i]))
		}
	}
}

func TestCorkReportsAFailedWrite(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken pipe")
	for _, payload := range [][]byte{nil, []byte("hello")} {
		if _, err := newCork(&calls{err: broken}).Write(frame(1, payload)); !errors.Is(err, broken) {
			t.Errorf("Write = %v", err)
		}
	}
}
