package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/natter-chat/natter/pkg/fault"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// room is one room of the run, with the members that are clients.
type room struct {
	id    string
	seats []*seat
	// head is the highest seq that anyone was told of.
	head atomic.Uint32
}

// seat is a client's place in a room. Only the goroutine that reads the client's socket writes it.
type seat struct {
	conn *connection
	room *room
	// last is the highest seq that the client has; with known it goes on from there when it comes back.
	last  atomic.Uint32
	known bool
	// missing are the seqs below last that did not come.
	missing                map[uint32]struct{}
	duplicates, outOfOrder int
	caughtUp               bool
}

// took notes that the event seq arrived, and reports whether it is new.
func (s *seat) took(seq uint32) bool {
	switch last := s.last.Load(); {
	case seq == last+1:
		s.last.Store(seq)
	case seq > last:
		if s.missing == nil {
			s.missing = map[uint32]struct{}{}
		}
		for hole := last + 1; hole < seq; hole++ {
			s.missing[hole] = struct{}{}
		}
		s.last.Store(seq)
	default:
		if _, late := s.missing[seq]; !late {
			s.duplicates++
			return false
		}
		delete(s.missing, seq)
		s.outOfOrder++
	}
	s.room.saw(seq)
	return true
}

// saw raises the head.
func (r *room) saw(seq uint32) {
	for {
		head := r.head.Load()
		if seq <= head || r.head.CompareAndSwap(head, seq) {
			return
		}
	}
}

// connection is one socket of one user, as frugal as a benchmark's must be: one goroutine that reads.
type connection struct {
	run    *run
	number int
	token  string
	user   string           // id
	seats  map[string]*seat // by room id

	// onAck is called for each ack, onEvent for each message of ours that is new, by the goroutine that reads.
	onAck   func()
	onEvent func(s *seat, sent stamp)

	ws      atomic.Pointer[websocket.Conn]
	leaving atomic.Bool
	// sent and received are messages of ours over the whole run.
	sent, received atomic.Int64
	ready          chan struct{} // closed when welcomed, and caught up in all rooms it listed
	waiting        int           // rooms that are not caught up yet
	done           sync.WaitGroup

	mu    sync.Mutex // guards out
	out   []byte
	nonce uint64
}

const (
	// handshakeTimeout bounds one connection with its hello; a storm of many takes its time.
	handshakeTimeout = 60 * time.Second
	// readLimit is far above what the server puts into one WebSocket message.
	readLimit = 4 << 20
	// portsPerAddress is how many sockets one local address is used for: Linux has 28,232 ephemeral ports.
	portsPerAddress = 28_000
)

// source is the local address for the n-th client: beyond what the ports of one address allow, another one of loopback.
func source(n int) net.Addr {
	if n < portsPerAddress {
		return nil
	}
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+n/portsPerAddress))}
}

// httpFor returns the client for the handshake of the n-th client. There is one for each source address.
func httpFor(n int) *http.Client {
	dialer := &net.Dialer{LocalAddr: source(n)}
	return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
}

// connect signs in and returns when the client is in all of its rooms, with everything it missed.
func (c *connection) connect(ctx context.Context, via *http.Client) error {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	enc := c.run.encoding()
	server := c.run.Servers[c.number%len(c.run.Servers)]
	ws, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(server, "http")+"/ws", //nolint:bodyclose // the library closes it
		&websocket.DialOptions{HTTPClient: via, Subprotocols: []string{enc.String()}, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return fmt.Errorf("connect to %s: %w", server, err)
	}
	ws.SetReadLimit(readLimit)
	hello := &clientv1.Hello{Token: c.token}
	for id, s := range c.seats {
		if s.known {
			hello.Resume = append(hello.Resume, &clientv1.Cursor{RoomId: id, Seq: s.last.Load()})
			s.caughtUp = false
		}
	}
	c.ready, c.waiting = make(chan struct{}), len(hello.GetResume())
	c.leaving.Store(false)
	c.ws.Store(ws)
	if err := c.write(ctx, &clientv1.ClientFrame{Id: 1, Frame: &clientv1.ClientFrame_Hello{Hello: hello}}); err != nil {
		return errors.Join(err, ws.CloseNow())
	}
	ready := c.ready
	failed := make(chan error, 1)
	c.done.Go(func() { failed <- c.read(ws) })
	select {
	case <-ready:
		return nil
	case err := <-failed:
		return errors.Join(errors.New("signing in"), err)
	case <-ctx.Done():
		_ = ws.CloseNow()
		return fmt.Errorf("signing in: %w", context.Cause(ctx))
	}
}

// drop closes the socket without a word; wait returns when nothing is read any more.
func (c *connection) drop() {
	c.leaving.Store(true)
	if ws := c.ws.Load(); ws != nil {
		_ = ws.CloseNow()
	}
}

func (c *connection) wait() { c.done.Wait() }

// read takes what the server sends until the socket ends. An end that the client did not want ends the run.
func (c *connection) read(ws *websocket.Conn) error {
	enc := c.run.encoding()
	buf := make([]byte, 0, 1<<10)
	err := func() error {
		for {
			_, r, err := ws.Reader(context.Background())
			if err != nil {
				return err
			}
			if buf, err = readAll(r, buf[:0]); err != nil {
				return err
			}
			for message := buf; len(message) > 0; {
				var f frame
				if f, message, err = enc.next(message); err != nil {
					return err
				}
				if err := c.handle(f); err != nil {
					return err
				}
			}
		}
	}()
	if c.leaving.Load() {
		return nil
	}
	err = fmt.Errorf("client %d: %w", c.number, err)
	if websocket.CloseStatus(err) == 4008 {
		err = fmt.Errorf("%w (the generator cannot keep up: ask for less, or set NATTER_QUEUE_BYTES higher)", err)
	}
	c.run.stop(err)
	return err
}

func readAll(r io.Reader, b []byte) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return b, err
		}
	}
}

func (c *connection) handle(f frame) error {
	switch f.kind {
	case event:
		if s := c.seats[string(f.room)]; s != nil && s.took(f.seq) {
			if sent, ours := parseStamp(f.content); ours {
				c.received.Add(1)
				c.onEvent(s, sent)
			}
		}
		return nil
	case ack:
		if s := c.seats[string(f.room)]; s != nil {
			s.room.saw(f.seq)
		}
		c.onAck()
		return nil
	}
	return c.handleOther(f.other)
}

func (c *connection) handleOther(f *clientv1.ServerFrame) error {
	switch f := f.GetFrame().(type) {
	case *clientv1.ServerFrame_Welcome:
		for _, r := range f.Welcome.GetRooms() {
			s := c.seats[r.GetRoom().GetId()]
			if s == nil {
				continue
			}
			s.room.saw(r.GetHeadSeq())
			if !s.known {
				s.known = true
				s.last.Store(r.GetHeadSeq())
			}
		}
		if !f.Welcome.GetMore() {
			c.caughtUp(0)
		}
	case *clientv1.ServerFrame_Presence:
		if c.run.measuring.Load() {
			c.run.presences.Add(1)
		}
	case *clientv1.ServerFrame_CaughtUp:
		if s := c.seats[f.CaughtUp.GetRoomId()]; s != nil && !s.caughtUp {
			s.caughtUp = true
			c.caughtUp(1)
		}
	case *clientv1.ServerFrame_Reset_:
		return fmt.Errorf("the server reset room %s: start it with NATTER_RESUME_EVENTS=1000000", f.Reset_.GetRoomId())
	case *clientv1.ServerFrame_Gone:
		return fmt.Errorf("no longer a member of room %s", f.Gone.GetRoomId())
	case *clientv1.ServerFrame_Error:
		err := fmt.Errorf("the server refused: %s (%s)", f.Error.GetMessage(), f.Error.GetCode())
		if fault.Code(f.Error.GetCode()) == fault.ResourceExhausted {
			err = fmt.Errorf("%w; start it without its limits, as natter load --help says", err)
		}
		return err
	}
	return nil
}

// caughtUp notes n rooms; the welcome comes first.
func (c *connection) caughtUp(n int) {
	if c.waiting -= n; c.waiting == 0 && c.ready != nil {
		close(c.ready)
		c.ready = nil
	}
}

// send posts a message; its ack comes to onAck. It may be called concurrently. No context: one that ends in the middle of
// a write closes the socket.
func (c *connection) send(s *seat, what stamp) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nonce++
	c.sent.Add(1)
	return c.writeLocked(context.Background(), &clientv1.ClientFrame{Id: 2, Frame: &clientv1.ClientFrame_Send{Send: &clientv1.Send{
		RoomId: s.room.id, Nonce: c.run.id + "-" + strconv.Itoa(c.number) + "-" + strconv.FormatUint(c.nonce, 10),
		Content: string(what.appendContent(make([]byte, 0, c.run.Size), c.run.Size)),
	}}})
}

func (c *connection) write(ctx context.Context, f *clientv1.ClientFrame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writeLocked(ctx, f)
}

func (c *connection) writeLocked(ctx context.Context, f *clientv1.ClientFrame) (err error) {
	enc := c.run.encoding()
	if c.out, err = enc.appendFrame(c.out[:0], f); err != nil {
		return err
	}
	kind := websocket.MessageBinary
	if enc == jsonEncoding {
		kind = websocket.MessageText
	}
	return c.ws.Load().Write(ctx, kind, c.out)
}
