package load

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// encoding is one of the two subprotocols.
type encoding int

const (
	protoEncoding encoding = iota
	jsonEncoding
)

func (e encoding) String() string {
	return [...]string{protoEncoding: "natter.v1.proto", jsonEncoding: "natter.v1.json"}[e]
}

// frame is what a client needs of a server's frame. The two kinds of which there are millions are read by hand, the rest
// (other) by the generated code. Slices belong to the message.
type frame struct {
	kind    kind
	id      uint32
	room    []byte
	seq     uint32
	content []byte // of an event: empty when it is no message
	other   *clientv1.ServerFrame
}

type kind int

const (
	other kind = iota
	event
	ack
)

// appendFrame encodes a client's frame onto b.
func (e encoding) appendFrame(b []byte, f *clientv1.ClientFrame) ([]byte, error) {
	if e == jsonEncoding {
		return protojson.MarshalOptions{}.MarshalAppend(b, f)
	}
	b = protowire.AppendVarint(b, uint64(proto.Size(f)))
	return proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(b, f)
}

var errFrame = errors.New("the server sent a frame that is no ServerFrame")

// next takes the first frame off a message that is not empty.
func (e encoding) next(message []byte) (f frame, rest []byte, err error) {
	if e == jsonEncoding {
		line, rest, _ := bytes.Cut(message, []byte{'\n'})
		f, err = jsonFrame(line)
		return f, rest, err
	}
	size, n := binary.Uvarint(message)
	if n <= 0 || size > uint64(len(message)-n) {
		return f, nil, errFrame
	}
	f, err = protoFrame(message[n : n+int(size)])
	return f, message[n+int(size):], err
}

// Field numbers of frames.proto and chat.proto.
const (
	frameID, frameAck, frameEvent                 = 1, 3, 8
	ackRoom, ackSeq                               = 1, 3
	eventRoom, eventSeq, eventMessage, msgContent = 1, 2, 10, 1
)

func protoFrame(b []byte) (f frame, err error) {
	whole := b
	err = fields(b, func(num protowire.Number, v uint64, b []byte) error {
		switch num {
		case frameID:
			f.id = uint32(v)
		case frameAck:
			f.kind = ack
			return fields(b, func(num protowire.Number, v uint64, b []byte) error {
				switch num {
				case ackRoom:
					f.room = b
				case ackSeq:
					f.seq = uint32(v)
				}
				return nil
			})
		case frameEvent:
			f.kind = event
			return fields(b, f.eventField)
		}
		return nil
	})
	if err == nil && f.kind == other {
		f.other = new(clientv1.ServerFrame)
		err = proto.Unmarshal(whole, f.other)
	}
	return f, err
}

func (f *frame) eventField(num protowire.Number, v uint64, b []byte) error {
	switch num {
	case eventRoom:
		f.room = b
	case eventSeq:
		f.seq = uint32(v)
	case eventMessage:
		return fields(b, func(num protowire.Number, _ uint64, b []byte) error {
			if num == msgContent {
				f.content = b
			}
			return nil
		})
	}
	return nil
}

// fields calls fn for each field of a message, with its number or its bytes.
func fields(b []byte, fn func(num protowire.Number, v uint64, b []byte) error) error {
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errFrame
		}
		b = b[n:]
		var v uint64
		var body []byte
		switch kind {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			body, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(num, kind, b)
		}
		if n < 0 {
			return errFrame
		}
		b = b[n:]
		if err := fn(num, v, body); err != nil {
			return err
		}
	}
	return nil
}

// jsonFrame relies on what the server's encoder does: no white space, and the fields in the order of the .proto file. Text
// of ours needs no escapes.
func jsonFrame(line []byte) (f frame, err error) {
	b := line
	if rest, ok := bytes.CutPrefix(b, []byte(`{"id":`)); ok {
		f.id, b = number(rest)
		b, _ = bytes.CutPrefix(b, []byte(`,`))
	} else {
		b, _ = bytes.CutPrefix(b, []byte(`{`))
	}
	if rest, ok := bytes.CutPrefix(b, []byte(`"event":{`)); ok {
		f.kind, b = event, rest
	} else if rest, ok := bytes.CutPrefix(b, []byte(`"ack":{`)); ok {
		f.kind, b = ack, rest
	} else {
		f.other = new(clientv1.ServerFrame)
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(line, f.other); err != nil {
			return f, fmt.Errorf("%w: %w", errFrame, err)
		}
		f.id = f.other.GetId()
		return f, nil
	}
	room, b, ok1 := after(b, `"roomId":"`)
	seq, b, ok2 := after(b, `"seq":`)
	if !ok1 || !ok2 {
		return f, errFrame
	}
	f.room, _, _ = bytes.Cut(room, []byte{'"'})
	f.seq, _ = number(seq)
	if _, message, found := bytes.Cut(b, []byte(`"message":{`)); found && f.kind == event {
		if content, _, ok := after(message, `"content":"`); ok {
			f.content, _, _ = bytes.Cut(content, []byte{'"'})
		}
	}
	return f, nil
}

// after returns what follows a mark, twice: to read it, and to search on.
func after(b []byte, mark string) (value, rest []byte, ok bool) {
	_, value, ok = bytes.Cut(b, []byte(mark))
	return value, value, ok
}

func number(b []byte) (v uint32, rest []byte) {
	n := 0
	for n < len(b) && '0' <= b[n] && b[n] <= '9' {
		n++
	}
	u, _ := strconv.ParseUint(string(b[:n]), 10, 32)
	return uint32(u), b[n:]
}
