package client

import (
	"context"

	"github.com/google/uuid"

	"github.com/natter-chat/natter/pkg/fault"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// SendOption changes what Send sends.
type SendOption func(*clientv1.Send)

// ReplyTo makes the message an answer to the message with this seq.
func ReplyTo(seq uint32) SendOption { return func(s *clientv1.Send) { s.ReplyTo = seq } }

// InThread says the message in the thread of the message with this seq, instead of in the room itself.
func InThread(seq uint32) SendOption { return func(s *clientv1.Send) { s.Thread = seq } }

// WithNonce replaces the random nonce, 1 to 64 bytes: a program that wrote it down before it crashed sends the same one
// again, and gets the ack of the first.
func WithNonce(nonce string) SendOption { return func(s *clientv1.Send) { s.Nonce = nonce } }

// WithFile attaches a file: kind is "image" or "file".
func WithFile(kind, url string) SendOption {
	return func(s *clientv1.Send) { s.Type, s.FileUrl = kind, url }
}

// Pending is a message on its way.
type Pending struct {
	Nonce string
	r     *request
}

// Done is closed when the message is stored or refused.
func (p *Pending) Done() <-chan struct{} { return p.r.done }

// Wait returns the ack, or why there will be none. When ctx ends first, the message stays on its way.
func (p *Pending) Wait(ctx context.Context) (*clientv1.Ack, error) {
	f, err := p.r.wait(ctx)
	return f.GetAck(), err
}

// Send sends a message and returns when it is stored. It waits as long as it takes: through reconnects and retries, in
// the order of the calls for one room. When ctx ends, the message is given up, but may have been stored: to find out,
// send it again with the same nonce. An *Error is the server's refusal.
func (c *Conn) Send(ctx context.Context, roomID, content string, opts ...SendOption) (*clientv1.Ack, error) {
	frame, _ := sendFrame(roomID, content, opts)
	f, err := c.ask(ctx, roomID, frame)
	return f.GetAck(), err
}

// SendAsync is Send for those who do not want to wait: it only puts the message into the outbox, which fails when the
// outbox is full or the Conn has stopped.
func (c *Conn) SendAsync(roomID, content string, opts ...SendOption) (*Pending, error) {
	frame, nonce := sendFrame(roomID, content, opts)
	r, err := c.submit(roomID, frame)
	if err != nil {
		return nil, err
	}
	return &Pending{Nonce: nonce, r: r}, nil
}

func sendFrame(roomID, content string, opts []SendOption) (frame *clientv1.ClientFrame, nonce string) {
	send := newSend(roomID, content, opts)
	return &clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Send{Send: send}}, send.GetNonce()
}

func newSend(roomID, content string, opts []SendOption) *clientv1.Send {
	send := &clientv1.Send{RoomId: roomID, Nonce: uuid.NewString(), Content: content}
	for _, opt := range opts {
		opt(send)
	}
	return send
}

// Edit replaces the content of the message with this seq. Like the other mutations it keeps its place in the order of the
// room and is retried like Send.
func (c *Conn) Edit(ctx context.Context, roomID string, seq uint32, content string) (*clientv1.Ack, error) {
	edit := &clientv1.Edit{RoomId: roomID, Nonce: uuid.NewString(), Seq: seq, Content: content}
	f, err := c.ask(ctx, roomID, &clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Edit{Edit: edit}})
	return f.GetAck(), err
}

// Delete deletes the message with this seq.
func (c *Conn) Delete(ctx context.Context, roomID string, seq uint32) (*clientv1.Ack, error) {
	del := &clientv1.Delete{RoomId: roomID, Nonce: uuid.NewString(), Seq: seq}
	f, err := c.ask(ctx, roomID, &clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Delete{Delete: del}})
	return f.GetAck(), err
}

// React puts an emoji under the message with this seq, or takes it away.
func (c *Conn) React(ctx context.Context, roomID string, seq uint32, emoji string, remove bool) (*clientv1.Ack, error) {
	react := &clientv1.React{RoomId: roomID, Nonce: uuid.NewString(), Seq: seq, Emoji: emoji, Remove: remove}
	f, err := c.ask(ctx, roomID, &clientv1.ClientFrame{Frame: &clientv1.ClientFrame_React{React: react}})
	return f.GetAck(), err
}

// Pin pins the message with this seq, or unpins it.
func (c *Conn) Pin(ctx context.Context, roomID string, seq uint32, remove bool) (*clientv1.Ack, error) {
	pin := &clientv1.Pin{RoomId: roomID, Nonce: uuid.NewString(), Seq: seq, Remove: remove}
	f, err := c.ask(ctx, roomID, &clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Pin{Pin: pin}})
	return f.GetAck(), err
}

// Which says where a page of messages lies; the zero value is the newest.
type Which struct {
	// Before and After are seqs; at most one may be set.
	Before, After uint32
	// Limit is 1 to 100; 0 means 50.
	Limit uint32
	// Thread is the seq of the message whose thread it is; 0: the room itself.
	Thread uint32
}

// Fetch returns a page of messages, newest first, with all that has happened to them up to AsOfSeq, and notices of what
// happened between them. A Timeline goes on from there.
func (c *Conn) Fetch(ctx context.Context, roomID string, which Which) (*clientv1.Page, error) {
	fetch := &clientv1.Fetch{RoomId: roomID, Limit: which.Limit, Thread: which.Thread}
	if which.Before != 0 {
		fetch.BeforeSeq = &which.Before
	}
	if which.After != 0 {
		fetch.AfterSeq = &which.After
	}
	f, err := c.ask(ctx, unordered, &clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Fetch{Fetch: fetch}})
	return f.GetPage(), err
}

// Typing tells the room that the user is typing; repeat it every few seconds, it expires in 6 s. Lost while offline.
func (c *Conn) Typing(roomID string, active bool) {
	c.sendSmall(&clientv1.ClientFrame{
		Frame: &clientv1.ClientFrame_Typing{Typing: &clientv1.Typing{RoomId: roomID, Active: active}},
	})
}

// sendSmall writes a frame that gets no answer, if there is a session and it is not flooded.
func (c *Conn) sendSmall(f *clientv1.ClientFrame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == nil || !c.session.welcomed || len(c.session.control) >= smallFrames {
		return
	}
	if err := c.enqueue(c.session, f); err != nil {
		c.client.log.Warn("cannot encode a frame", "error", err)
	}
}

// unordered is the lane of requests that change no room.
const unordered = ""

// ask submits a request and waits for its answer.
func (c *Conn) ask(ctx context.Context, lane string, f *clientv1.ClientFrame) (*clientv1.ServerFrame, error) {
	r, err := c.submit(lane, f)
	if err != nil {
		return nil, err
	}
	answer, err := r.wait(ctx)
	if err != nil && ctx.Err() != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.outbox.remove(r)
		c.wakeWriter() // it may have held others back
	}
	return answer, err
}

// submit puts a request into the outbox.
func (c *Conn) submit(lane string, f *clientv1.ClientFrame) (*request, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == Stopped {
		return nil, c.lastErr
	}
	r, err := c.outbox.add(lane, func(id uint32) ([]byte, error) {
		f.Id = id
		data, err := c.opts.Encoding.encode(f)
		if err != nil {
			return nil, fault.Invalid("content", "this cannot be encoded; is it UTF-8?").WithCause("client.encode", err)
		}
		return data, nil
	})
	if err != nil {
		return nil, err
	}
	c.wakeWriter()
	return r, nil
}
