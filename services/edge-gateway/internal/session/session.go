package session

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coder/websocket"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/edge-gateway/internal/feed"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// session is one WebSocket connection of a signed-in user. One goroutine at a time reads; whatever waits for another service runs
// beside it, bounded; frames to the client go through the queue.
type session struct {
	srv      *Server
	id       string
	since    int64 // when it began, Unix milliseconds
	ws       *websocket.Conn
	address  string   // the client's, as limits count it
	conn     net.Conn // under ws; only to cut it off
	out      *outlet  // under ws, too
	in       *bufio.Reader
	closing  sync.Mutex // held while ws is closed, which reads from in
	encoding wire.Encoding
	queue    queue
	flusher  *flusher

	isCompressed bool // messages go through ws
	isOpen       bool // the hello was good; only the reader looks

	ctx    context.Context //nolint:containedctx // ends with the reader
	cancel context.CancelFunc
	wg     sync.WaitGroup // everything the session started
	ready  chan struct{}  // closed when the client has its rooms
	ended  sync.Once
	cause  atomic.Pointer[ending]
	heard  atomic.Int64 // when something last came from the client, unix seconds

	buckets  buckets
	commands commands
	markers  markers
	fetches  atomic.Int32 // under way

	mu       sync.Mutex
	identity authn.Identity
	rooms    map[ids.Room]membership
	joins    joins
	expiry   *time.Timer            // of the time for a hello, then of the token
	typing   map[ids.Room]time.Time // when the last signal of a room was passed on
	released bool                   // nothing may be started any more
}

// membership is what a session knows of one of its rooms.
type membership struct {
	head           uint32 // as of which the user was a member
	read, rev      uint32 // the read marker
	preferencesRev uint32 // of the preferences that the client was told of
	isLarge        bool   // nobody is told of receipts
}

// await waits for the client. What comes is read and handled by a worker, since the stack that takes would stay as large
// while this connection waits again: most wait most of the time.
func (s *session) await() {
	s.closing.Lock()
	isEmpty := s.in.Buffered() == 0
	s.closing.Unlock()
	if isEmpty && s.out.raw != nil {
		awaitInput(s.out.raw)
	}
	s.srv.workers.do(s.serve)
}

// serve reads a message and handles it. When the socket is closed, which is waited for also while the connection ends, for
// the close handshake, it ends the session.
func (s *session) serve() {
	kind, message, err := s.ws.Read(context.Background()) // closing the socket ends it
	switch {
	case errors.Is(err, websocket.ErrMessageTooBig):
		s.end(endTooBig)
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		s.end(endGone)
	case err != nil:
		s.end(endClient)
	case kind != messageType(s.encoding):
		s.end(endKind)
	}
	if err != nil {
		s.srv.remove(s)
		return
	}
	s.receive(message)
	go s.await()
}

// receive handles what the client sent. One goroutine at a time calls it.
func (s *session) receive(message []byte) {
	s.touch()
	if s.isOpen && len(bytes.TrimSpace(message)) == 0 {
		s.allowed(0) // a message without frames counts as one
	}
	for frame, err := range s.encoding.Frames(message) {
		s.srv.metrics.frames.Inc()
		switch {
		case s.isEnding(): // what still comes is not looked at
		case !s.isOpen:
			s.isOpen = s.signIn(frame, err)
		case !s.allowed(frame.GetId()): // and answered
		case err != nil:
			s.fail(frame.GetId(), err)
		default:
			s.handle(frame)
		}
	}
}

func (s *session) isEnding() bool { return s.cause.Load() != nil }

func messageType(e wire.Encoding) websocket.MessageType {
	if e == wire.Proto {
		return websocket.MessageBinary
	}
	return websocket.MessageText
}

// touch notes that the client is there.
func (s *session) touch() { s.heard.Store(time.Now().Unix()) }

// handle takes one frame. It does not wait for other services, but for hello and resume, which nothing should overtake.
func (s *session) handle(f *clientv1.ClientFrame) {
	if err := s.checkScope(f); err != nil {
		s.fail(f.GetId(), err)
		return
	}
	switch body := f.GetFrame().(type) {
	case *clientv1.ClientFrame_Send, *clientv1.ClientFrame_Edit, *clientv1.ClientFrame_Delete, *clientv1.ClientFrame_React, *clientv1.ClientFrame_Pin:
		s.command(f)
	case *clientv1.ClientFrame_Read:
		s.read(f.GetId(), body.Read)
	case *clientv1.ClientFrame_Unread:
		s.markUnread(f.GetId(), body.Unread)
	case *clientv1.ClientFrame_Delivered:
		s.delivered(f.GetId(), body.Delivered)
	case *clientv1.ClientFrame_Typing:
		s.signalTyping(f.GetId(), body.Typing)
	case *clientv1.ClientFrame_Watch:
		s.watch(f.GetId(), body.Watch)
	case *clientv1.ClientFrame_Away:
		s.setAway(f.GetId(), body.Away.GetAway())
	case *clientv1.ClientFrame_Fetch:
		s.fetch(f.GetId(), body.Fetch)
	case *clientv1.ClientFrame_Resume:
		s.resume(f.GetId(), body.Resume)
	case *clientv1.ClientFrame_Ping:
		s.reply(f.GetId(), &clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Pong{Pong: &clientv1.Pong{}}})
	case *clientv1.ClientFrame_Hello:
		s.renew(f.GetId(), body.Hello)
	default:
		s.fail(f.GetId(), fault.New(fault.Unimplemented, "this server does not know that frame"))
	}
}

// checkScope refuses what the session's API token was not made for. Every session may read: hello asks for that.
func (s *session) checkScope(f *clientv1.ClientFrame) error {
	switch f.GetFrame().(type) {
	case *clientv1.ClientFrame_Fetch, *clientv1.ClientFrame_Resume, *clientv1.ClientFrame_Watch, *clientv1.ClientFrame_Ping,
		*clientv1.ClientFrame_Away, *clientv1.ClientFrame_Hello:
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.identity.May(authn.ScopeWrite) {
		return errScope(authn.ScopeWrite)
	}
	return nil
}

func errScope(scope string) error {
	return fault.New(fault.PermissionDenied, "this API token does not have the scope %s", scope)
}

// caller is who the session acts for, as the latest token says.
func (s *session) caller() authn.Caller {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.identity.Caller
}

// User is who the session belongs to.
func (s *session) User() ids.User { return s.caller().User }

// reply answers request id; id 0 was no request that wants an answer.
func (s *session) reply(id uint32, f *clientv1.ServerFrame) {
	if id == 0 {
		return
	}
	f.Id = id
	s.send(f)
}

// ok answers a request that has nothing else to say.
func (s *session) ok(id uint32) {
	s.reply(id, &clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Ok{Ok: &clientv1.Ok{}}})
}

// fail answers with an error; also a frame without an id, which is only answered when it fails.
func (s *session) fail(id uint32, err error) {
	f := fault.From(err)
	if f.Code == fault.Internal {
		s.srv.log.Error("request failed", "connection", s.id, "error", err)
	}
	s.send(&clientv1.ServerFrame{Id: id, Frame: &clientv1.ServerFrame_Error{Error: &clientv1.Error{
		Code: string(f.Code), Message: f.Message, Field: f.Field,
		RetryAfterMs: uint32((f.RetryAfter + time.Millisecond - 1).Milliseconds()), // never too early,
	}}})
}

func (s *session) send(f *clientv1.ServerFrame) { s.Enqueue(feed.NewFrame(f)) }

// Enqueue queues a frame for this connection. It never blocks; a client that is too slow is cut off.
func (s *session) Enqueue(f *feed.Frame) {
	if !s.queue.push(f) {
		s.end(endSlow)
	}
}

// EnqueuePaced queues a frame when at most half of the queue is taken.
func (s *session) EnqueuePaced(ctx context.Context, f *feed.Frame) error {
	return s.queue.pushPaced(ctx, f)
}

// Drained returns when at most half of the queue is taken.
func (s *session) Drained(ctx context.Context) error { return s.queue.wait(ctx) }

// end ends the connection, once: the first cause counts. It does not wait; the close handshake runs in the background.
func (s *session) end(e ending) {
	s.ended.Do(func() {
		s.cause.Store(&e)
		s.wg.Go(func() { // run calls end at the latest, and remove waits after it
			if e.cause != endSlow.cause && e.cause != endClient.cause {
				s.flush()
			}
			s.queue.close()
			s.closing.Lock()
			if e == endGone {
				_ = s.ws.CloseNow()
			} else {
				_ = s.ws.Close(e.code, e.reason) // a peer that goes meanwhile does not answer; nothing can be done about it
			}
			s.closing.Unlock()
			s.cancel()
		})
	})
}

// flush gives the queue a moment to be written.
func (s *session) flush() {
	ctx, cancel := context.WithTimeout(s.ctx, flushTime)
	defer cancel()
	tick := time.NewTicker(flushTime / 100)
	defer tick.Stop()
	for !s.queue.idle() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
