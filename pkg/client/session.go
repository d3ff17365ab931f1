package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

const (
	// helloTimeout is how long the dial, and then the welcome, may take.
	helloTimeout = 15 * time.Second
	// writeTimeout is how long one message may take to leave; a server that reads so slowly is as good as gone.
	writeTimeout = 15 * time.Second
	// defaultPing is used until the server says how often it wants to hear.
	defaultPing = 25 * time.Second
	// readLimit is the largest WebSocket message that is accepted: a page of 100 messages of 8 KiB, escaped as JSON.
	readLimit = 8 << 20
	// closePatience is how long a closing handshake may take.
	closePatience = time.Second
	// smallFrames is how many frames without an answer (typing, receipts) may wait to be written.
	smallFrames = 1024
)

// Why a session was ended from this side.
var (
	errSilent    = errors.New("the server fell silent")
	errNoWelcome = errors.New("the server did not welcome the connection")
	errGoAway    = errors.New("the server asked to reconnect")
)

// session is one WebSocket. Everything in it is guarded by the mutex of its Conn.
type session struct {
	token    string
	started  time.Time
	welcomed bool
	control  [][]byte // encoded frames that go before the outbox
	// known are the rooms that were resumed and that no welcome has listed yet.
	known    map[string]bool
	heads    map[string]uint32    // as the welcome said
	newEpoch bool                 // a backup was restored since the last session
	resumes  map[uint32]bool      // ids of resume frames without an answer
	later    [][]*clientv1.Cursor // cursors that did not fit into hello
	leaving  error                // why this side closes it
	refusal  error                // what the server said before the welcome
	heard    time.Time            // when the last frame came
	pinged   bool                 // since then
	ping     time.Duration
	slot     time.Time // when to reconnect, after goAway
}

// ended is how a session ended.
type ended struct {
	err      error
	token    string
	welcomed bool
	stable   bool      // it lived long enough for the backoff to start afresh
	slot     time.Time // when to reconnect, if the server said
}

// serve runs one session, from dial to its end. Its err is never nil.
func (c *Conn) serve(ctx context.Context) ended {
	token, err := c.client.tokens.get(ctx)
	if err != nil {
		return ended{err: fmt.Errorf("get a token: %w", err)}
	}
	ws, err := c.dial(ctx)
	if err != nil {
		return ended{err: err, token: token}
	}
	defer func() { _ = ws.CloseNow() }()
	ws.SetReadLimit(readLimit)

	s, err := c.attach(token)
	if err != nil {
		return ended{err: err, token: token}
	}
	// The socket outlives ctx by the closing handshake, so it has a context of its own. Whoever fails first ends it.
	socket, end := context.WithCancelCause(context.WithoutCancel(ctx))
	var tasks sync.WaitGroup
	tasks.Go(func() { end(c.write(ctx, socket, s, ws)) })
	end(c.read(socket, s, ws, &tasks))
	tasks.Wait()
	return c.detach(s, context.Cause(socket))
}

func (c *Conn) dial(ctx context.Context) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, helloTimeout)
	defer cancel()
	ws, resp, err := websocket.Dial( //nolint:bodyclose // Dial: "You never need to close resp.Body yourself."
		ctx, c.client.base.JoinPath("ws").String(), &websocket.DialOptions{
			HTTPClient: c.client.http, Subprotocols: []string{c.opts.Encoding.subprotocol()},
		})
	if err != nil {
		return nil, handshakeError(err, resp)
	}
	if ws.Subprotocol() != c.opts.Encoding.subprotocol() {
		_ = ws.CloseNow()
		return nil, handshakeError(errors.New("no subprotocol in the answer"), &http.Response{StatusCode: http.StatusOK})
	}
	return ws, nil
}

// attach makes the session whose first frame is hello with the cursors.
func (c *Conn) attach(token string) (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	s := &session{
		token: token, started: now, heard: now, ping: defaultPing, known: map[string]bool{}, resumes: map[uint32]bool{}, heads: map[string]uint32{},
	}
	for room := range c.cursors {
		s.known[room] = true
	}
	hello := &clientv1.Hello{Token: token, Epoch: c.epoch}
	if chunks := c.cursors.startAll(); len(chunks) > 0 {
		hello.Resume, s.later = chunks[0], chunks[1:]
	}
	c.session = s
	return s, c.enqueue(s, &clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Hello{Hello: hello}})
}

func (c *Conn) detach(s *session, err error) ended {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = nil
	c.outbox.sessionEnded()
	switch {
	case s.leaving != nil && s.refusal != nil:
		err = s.refusal
	case s.leaving != nil:
		err = s.leaving
	}
	return ended{
		err: err, token: s.token, welcomed: s.welcomed, slot: s.slot, stable: s.welcomed && time.Since(s.started) >= stableAfter,
	}
}

// enqueue puts a frame before the outbox. The lock is held.
func (c *Conn) enqueue(s *session, f *clientv1.ClientFrame) error {
	data, err := c.opts.Encoding.encode(f)
	if err != nil {
		return err
	}
	s.control = append(s.control, data)
	c.wakeWriter()
	return nil
}

func (c *Conn) wakeWriter() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *Conn) read(ctx context.Context, s *session, ws *websocket.Conn, tasks *sync.WaitGroup) error {
	for {
		_, message, err := ws.Read(ctx)
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		err = c.opts.Encoding.decode(message, func(f *clientv1.ServerFrame) error {
			renew, err := c.receive(s, f)
			if renew {
				tasks.Go(func() { c.renewToken(ctx, s) })
			}
			return err
		})
		if err != nil {
			return err
		}
	}
}

// write sends what is due until the session ends; ctx is the Conn's. It never returns nil.
func (c *Conn) write(ctx, socket context.Context, s *session, ws *websocket.Conn) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		message, wait, err := c.outgoing(s, time.Now())
		if err == nil && ctx.Err() != nil {
			err = ErrClosed
		}
		if err != nil {
			c.mu.Lock()
			s.leaving = err
			c.mu.Unlock()
			closePolitely(ws)
			return err
		}
		if len(message) > 0 {
			if err := c.writeMessage(socket, ws, message); err != nil {
				return err
			}
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-socket.Done():
			return context.Cause(socket)
		case <-c.wake:
		case <-timer.C:
		}
	}
}

// writeMessage writes one message. When that fails, the server may have said why in a close frame that is still to be
// read: the reader gets a moment to find it.
func (c *Conn) writeMessage(socket context.Context, ws *websocket.Conn, message []byte) error {
	ctx, cancel := context.WithTimeout(socket, writeTimeout)
	defer cancel()
	err := ws.Write(ctx, c.opts.Encoding.messageType(), message)
	if err != nil {
		err = fmt.Errorf("write: %w", err)
		moment := time.NewTimer(closePatience)
		defer moment.Stop()
		select {
		case <-socket.Done():
		case <-moment.C:
		}
	}
	return err
}

// closePolitely tells the server, but does not wait for long.
func closePolitely(ws *websocket.Conn) {
	impatient := time.AfterFunc(closePatience, func() { _ = ws.CloseNow() })
	defer impatient.Stop()
	_ = ws.Close(websocket.StatusNormalClosure, "")
}

// outgoing returns the next message to write or, when there is none, how long nothing will be due. An error ends the session.
func (c *Conn) outgoing(s *session, now time.Time) (message []byte, wait time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	due := s.started.Add(helloTimeout)
	if s.welcomed {
		due = s.heard.Add(s.ping)
		if s.pinged {
			due = due.Add(s.ping)
		}
	}
	switch {
	case !s.slot.IsZero() && !now.Before(s.slot):
		return nil, 0, errGoAway
	case now.Before(due):
	case !s.welcomed:
		return nil, 0, errNoWelcome
	case s.pinged:
		return nil, 0, errSilent
	default:
		s.pinged = true
		due = due.Add(s.ping)
		if err := c.enqueue(s, &clientv1.ClientFrame{Id: c.outbox.id(), Frame: &clientv1.ClientFrame_Ping{Ping: &clientv1.Ping{}}}); err != nil {
			return nil, 0, err
		}
	}
	if !s.slot.IsZero() && s.slot.Before(due) {
		due = s.slot
	}
	for len(s.control) > 0 && (len(message) == 0 || len(message)+len(s.control[0]) <= messageLimit) {
		message = append(message, s.control[0]...)
		s.control = s.control[1:]
	}
	if s.welcomed && len(s.control) == 0 {
		var again time.Time
		message, again = c.outbox.take(message, now)
		if !again.IsZero() && again.Before(due) {
			due = again
		}
	}
	return message, due.Sub(now), nil
}

// renewToken says hello again with a fresh token. When there is none, the server closes the session at the end of the old
// one and the next session asks again.
func (c *Conn) renewToken(ctx context.Context, s *session) {
	c.mu.Lock()
	stale := s.token
	c.mu.Unlock()
	token, err := c.client.tokens.refresh(ctx, stale)
	if err != nil {
		c.client.log.WarnContext(ctx, "no fresh token", "error", err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.token = token
	if err := c.enqueue(s, &clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Hello{Hello: &clientv1.Hello{Token: token}}}); err != nil {
		c.client.log.WarnContext(ctx, "cannot send the fresh token", "error", err)
	}
}
