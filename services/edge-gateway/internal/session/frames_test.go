package session

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

func TestOversizedMessage(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(c *Config) { c.FrameBytes = 4 << 10 })
	for name, size := range map[string]int{"just too large": 4<<10 + 1, "very large": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBoth(t, func(t *testing.T, e wire.Encoding) {
				c, _ := g.connect(t, e, shared.person())
				c.raw(bytes.Repeat([]byte{' '}, 4<<10)) // the limit itself is allowed
				c.syncAfterGarbage(t)
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				_ = c.ws.Write(ctx, messageType(e), bytes.Repeat([]byte{' '}, size)) // may be closed before all is written
				c.closed(websocket.StatusMessageTooBig)
				g.ended(t, "too_big", 1)
			})
		})
	}
}

// syncAfterGarbage is sync; errors may come before the pong.
func (c *client) syncAfterGarbage(t *testing.T) {
	t.Helper()
	for _, f := range c.sync() {
		if f.GetError() == nil {
			t.Errorf("got %v", f)
		}
	}
}

func TestBadFramesAreAnsweredAndTheConnectionLives(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	proto := func(fields ...[]byte) []byte { return protowire.AppendBytes(nil, bytes.Join(fields, nil)) }
	id := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 4)
	unknown := protowire.AppendBytes(protowire.AppendTag(nil, 99, protowire.BytesType), nil)
	badSend := protowire.AppendBytes(protowire.AppendTag(nil, 4, protowire.BytesType), []byte{0xff})
	for name, tt := range map[string]struct {
		encoding    wire.Encoding
		message     string
		id          uint32
		code        fault.Code
		field, says string
	}{
		"not JSON":         {wire.JSON, `{"id":4,`, 0, fault.InvalidArgument, "frame", ""},
		"not an object":    {wire.JSON, `[]`, 0, fault.InvalidArgument, "frame", ""},
		"wrong type":       {wire.JSON, `{"id":4,"send":{"roomId":"r","content":7}}`, 4, fault.InvalidArgument, "content", "string"},
		"wrong number":     {wire.JSON, `{"id":4,"read":{"roomId":"r","seq":-1}}`, 4, fault.InvalidArgument, "seq", ""},
		"unknown frame":    {wire.JSON, `{"id":4,"dance":{}}`, 4, fault.Unimplemented, "", ""},
		"no frame":         {wire.JSON, `{"id":4}`, 4, fault.Unimplemented, "", ""},
		"without an id":    {wire.JSON, `{"dance":{}}`, 0, fault.Unimplemented, "", ""},
		"proto: bad field": {wire.Proto, string(proto(id, badSend)), 4, fault.InvalidArgument, "frame", ""},
		"proto: unknown":   {wire.Proto, string(proto(id, unknown)), 4, fault.Unimplemented, "", ""},
		"proto: length":    {wire.Proto, "\x7f", 0, fault.InvalidArgument, "frame", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := g.connect(t, tt.encoding, shared.person())
			c.raw([]byte(tt.message))
			f := c.next()
			if e := f.GetError(); f.GetId() != tt.id || e.GetCode() != string(tt.code) || e.GetField() != tt.field || !strings.Contains(e.GetMessage(), tt.says) {
				t.Errorf("got %v, want %s of %q", f, tt.code, tt.field)
			}
			c.sync()
		})
	}
}

func TestSeveralFramesInOneMessage(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	inBoth(t, func(t *testing.T, e wire.Encoding) {
		c, _ := g.connect(t, e, shared.person())
		message := c.message(ping(1), &clientv1.ClientFrame{Id: 2}, ping(3))
		c.raw(message)
		for id := uint32(1); id <= 3; id++ {
			f := c.next()
			if f.GetId() != id || (id == 2) != (f.GetError().GetCode() == "unimplemented") {
				t.Errorf("answer %d is %v", id, f)
			}
		}
	})
}

func TestWrongKindOfMessage(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	inBoth(t, func(t *testing.T, e wire.Encoding) {
		for _, early := range []bool{true, false} {
			c := g.dial(t, e)
			if !early {
				c, _ = g.connect(t, e, shared.person())
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := c.ws.Write(ctx, messageType(wire.Proto+wire.JSON-e), c.message(ping(1))); err != nil {
				t.Fatal(err)
			}
			if all := c.closed(closeProtocol); len(all) != 0 {
				t.Errorf("got %v", all)
			}
		}
	})
}

func TestUnansweredFrames(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	p := shared.person()
	room := shared.room(1, p)
	c, _ := g.connect(t, wire.JSON, p)
	c.send(ping(0), &clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Read{Read: &clientv1.Read{RoomId: room.String(), Seq: 1}}},
		&clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Resume{Resume: &clientv1.Resume{}}})
	if all := c.sync(); len(all) != 0 {
		t.Errorf("frames without an id were answered: %v", all)
	}
	shared.untilCalled(t, key("MoveMarkers", p.id), 1)
}
