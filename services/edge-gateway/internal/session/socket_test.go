package session

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"testing"

	"github.com/coder/websocket"
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

func TestTheWebSocketsFramesAreWrittenAtOnce(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	conn := &calls{}
	c := newOutlet(conn)
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

func TestAFailedWriteIsReported(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken pipe")
	for _, payload := range [][]byte{nil, []byte("hello")} {
		if _, err := newOutlet(&calls{err: broken}).Write(frame(1, payload)); !errors.Is(err, broken) {
			t.Errorf("Write = %v", err)
		}
	}
}

// Frames from both sides, to a peer that reads in fits: whatever the socket takes at a time, they arrive whole and those of
// one side in order.
func TestFramesOfBothSidesDoNotMix(t *testing.T) {
	t.Parallel()
	conn, peer := tcpPair(t)
	if err := boundSendBuffer(conn, 4<<10); err != nil {
		t.Fatal(err)
	}
	o := newOutlet(conn)
	const messages = 300
	var writers sync.WaitGroup
	writers.Go(func() { // the flusher's
		w, space, left := newTryWriter(), make([]byte, maxHeader+maxMessage), 0
		for i := range messages {
			message := append(space[maxHeader:maxHeader], bytes.Repeat([]byte{byte(i)}, i*97%maxMessage)...)
			isOut, err := o.try(w, framed(websocket.MessageBinary, space, message))
			if !isOut {
				left++
				err = errors.Join(err, o.drain())
			}
			if err != nil {
				t.Errorf("message %d: %v", i, err)
			}
		}
		if left == 0 {
			t.Error("the socket took everything at once: nothing was tested")
		}
	})
	writers.Go(func() { // the WebSocket's
		for i := range messages {
			if _, err := o.Write(frame(9, []byte{byte(i)})); err != nil {
				t.Errorf("ping %d: %v", i, err)
			}
		}
	})
	r := bufio.NewReader(peer)
	got := map[byte]int{}
	for range 2 * messages {
		opcode, payload := nextFrame(t, r)
		i := got[opcode]
		want := i * 97 % maxMessage
		if opcode == 9 {
			want = 1
		}
		if len(payload) != want || bytes.Count(payload, []byte{byte(i)}) != want {
			t.Fatalf("frame %d of opcode %d: %d bytes, want %d", i, opcode, len(payload), want)
		}
		got[opcode]++
	}
	writers.Wait()
}

// A peer that is gone: the error stays, and nothing is kept for it.
func TestAnOutletThatFailedTakesNothing(t *testing.T) {
	t.Parallel()
	conn, _ := tcpPair(t)
	o := newOutlet(conn)
	_ = conn.Close()
	for range 2 {
		if isOut, err := o.try(newTryWriter(), frame(1, []byte("hello"))); isOut || err == nil || len(o.rest) > 0 {
			t.Errorf("try = %v, %v; %d bytes are left", isOut, err, len(o.rest))
		}
	}
	if err := o.drain(); err == nil {
		t.Error("drain does not say that it failed")
	}
}

// A header is put before the message whatever its length, and also when it has outgrown its space.
func TestFramed(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 125, 126, 65535, 65536, 100_000} {
		payload := bytes.Repeat([]byte{'x'}, size)
		for _, room := range []int{100, 200_000} {
			space := make([]byte, maxHeader+room)
			if got := framed(websocket.MessageText, space, append(space[maxHeader:maxHeader], payload...)); !bytes.Equal(got, frame(1, payload)) {
				t.Errorf("%d bytes in a space of %d: begins with %x", size, room, got[:min(len(got), 20)])
			}
		}
	}
}

func tcpPair(t *testing.T) (conn, peer net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if peer, err = net.Dial("tcp", l.Addr().String()); err == nil {
		conn, err = l.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = conn.Close(), peer.Close() })
	return conn, peer
}

func nextFrame(t *testing.T, r *bufio.Reader) (opcode byte, payload []byte) {
	t.Helper()
	var g gathering
	for {
		b, err := r.ReadByte()
		if err != nil {
			t.Fatal(err)
		}
		if whole, _ := g.add([]byte{b}); whole != nil {
			size := 2
			switch whole[1] {
			case 126:
				size = 4
			case 127:
				size = maxHeader
			}
			return whole[0] & 0xf, whole[size:]
		}
	}
}
