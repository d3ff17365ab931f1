package feed

import (
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// Frame is one server frame for any number of connections. It is encoded once per encoding, when the first connection
// asks. It is safe for concurrent use: two that ask at once may both encode, to the same bytes.
type Frame struct{ content atomic.Pointer[content] }

type content struct {
	frame *clientv1.ServerFrame
	bytes [wire.Encodings]atomic.Pointer[[]byte] // by wire.Encoding
}

// NewFrame returns a frame of this content, which must not change afterwards.
func NewFrame(f *clientv1.ServerFrame) *Frame {
	fr := &Frame{}
	fr.content.Store(&content{frame: f})
	return fr
}

// newEventFrame returns the frame of an event; raw is its encoding on the bus, if at hand: a protobuf client gets those
// bytes without another encoding.
func newEventFrame(ev *chatv1.Event, raw []byte) *Frame {
	fr := NewFrame(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Event{Event: ev}})
	if raw != nil {
		b := wire.AppendEventProto(make([]byte, 0, len(raw)+8), raw)
		fr.content.Load().bytes[wire.Proto].Store(&b)
	}
	return fr
}

// Bytes is the frame in an encoding. The caller must not change it.
func (f *Frame) Bytes(e wire.Encoding) []byte {
	c := f.content.Load()
	if b := c.bytes[e].Load(); b != nil {
		return *b
	}
	b := e.Append(make([]byte, 0, 512), c.frame)
	c.bytes[e].Store(&b)
	return b
}

// event is the event in the frame; nil when it is another frame.
func (f *Frame) event() *chatv1.Event { return f.content.Load().frame.GetEvent() }

// blank takes the content out of a message or an edit that was deleted, wherever this frame is queued or kept. What a
// socket has been handed already is beyond reach.
func (f *Frame) blank() {
	ev, _ := proto.Clone(f.event()).(*chatv1.Event)
	switch body := ev.GetBody().(type) {
	case *chatv1.Event_Message:
		m := body.Message
		body.Message = &chatv1.MessagePosted{
			Type: m.GetType(), ReplyTo: m.GetReplyTo(), Thread: m.GetThread(), ThreadOrdinal: m.GetThreadOrdinal(), Deleted: true,
		}
	case *chatv1.Event_Edited:
		body.Edited.Content, body.Edited.Mentions = "", nil
	default:
		return
	}
	f.content.Store(&content{frame: &clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Event{Event: ev}}})
}

// CreatedAt is when the event in the frame was committed; false when it is another frame.
func (f *Frame) CreatedAt() (time.Time, bool) {
	ev := f.event()
	return ev.GetCreatedAt().AsTime(), ev != nil
}
