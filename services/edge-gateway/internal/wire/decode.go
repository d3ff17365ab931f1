package wire

import (
	"bytes"
	"encoding/json"
	"iter"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	"github.com/natter-chat/natter/services/edge-gateway/internal/jsonbody"
)

// maxDepth bounds the nesting of a frame. Our deepest (hello with cursors) has 3 levels.
const maxDepth = 16

// Unknown fields are ignored: a newer client may talk to an older server.
var fromProto = proto.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: maxDepth}

// Frames takes a message apart into the frames of a client, in order. Bounding the message is the socket's task.
//
// A frame that cannot be decoded comes with an invalid_argument fault that names the field, and with what is known of it:
// its id, so that the request can be answered. The frames after it still come, unless its end is unknown (Proto only).
// A frame of a kind that this server does not know has no Frame: it is to be answered `unimplemented`.
func (e Encoding) Frames(message []byte) iter.Seq2[*clientv1.ClientFrame, error] {
	if e == Proto {
		return protoFrames(message)
	}
	return jsonFrames(message)
}

func jsonFrames(message []byte) iter.Seq2[*clientv1.ClientFrame, error] {
	return func(yield func(*clientv1.ClientFrame, error) bool) {
		for line := range bytes.SplitSeq(message, []byte{'\n'}) {
			if len(bytes.TrimSpace(line)) == 0 {
				continue
			}
			f := new(clientv1.ClientFrame)
			err := jsonbody.Unmarshal(line, f, "frame")
			if err != nil {
				f, err = diagnose(line, err)
			}
			if !yield(f, err) {
				return
			}
		}
	}
}

// diagnose finds the id of a line that is no valid frame, and looks for the offending field inside the frame's kind.
func diagnose(line []byte, err error) (*clientv1.ClientFrame, error) {
	f := new(clientv1.ClientFrame)
	var parts map[string]json.RawMessage
	if json.Unmarshal(line, &parts) != nil {
		return f, err
	}
	var id uint32
	if json.Unmarshal(parts["id"], &id) == nil {
		f.Id = id
	}
	kind := f.ProtoReflect().Descriptor().Fields().ByJSONName(fault.From(err).Field)
	if kind == nil || kind.Message() == nil {
		return f, err
	}
	body := f.ProtoReflect().NewField(kind).Message().Interface()
	if inner := jsonbody.Unmarshal(parts[kind.JSONName()], body, kind.JSONName()); inner != nil {
		err = inner
	}
	return f, err
}

func protoFrames(message []byte) iter.Seq2[*clientv1.ClientFrame, error] {
	return func(yield func(*clientv1.ClientFrame, error) bool) {
		for len(message) > 0 {
			raw, n := protowire.ConsumeBytes(message)
			if n < 0 {
				yield(new(clientv1.ClientFrame), fault.Invalid("frame", "the length of the frame is malformed or beyond the message"))
				return
			}
			message = message[n:]
			f := new(clientv1.ClientFrame)
			var err error
			if fromProto.Unmarshal(raw, f) != nil {
				f, err = &clientv1.ClientFrame{Id: peekID(raw)}, fault.Invalid("frame", "the frame is not a valid ClientFrame")
			}
			if !yield(f, err) {
				return
			}
		}
	}
}

// peekID reads the id of a frame that does not decode, as far as it can be followed; 0 when there is none.
func peekID(raw []byte) (id uint32) {
	for len(raw) > 0 {
		num, typ, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return id
		}
		raw = raw[n:]
		if num == 1 && typ == protowire.VarintType {
			v, _ := protowire.ConsumeVarint(raw)
			id = uint32(v)
		}
		if n = protowire.ConsumeFieldValue(num, typ, raw); n < 0 {
			return id
		}
		raw = raw[n:]
	}
	return id
}
