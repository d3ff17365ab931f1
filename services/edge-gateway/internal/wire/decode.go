package wire

import (
	"bytes"
	"encoding/json"
	"iter"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/natter-chat/natter/pkg/fault"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// maxDepth bounds the nesting of a frame, of unknown fields too. Our deepest frame (hello with cursors) has 4 levels.
const maxDepth = 16

// Unknown fields are ignored: a newer client may talk to an older server.
var (
	fromJSON  = protojson.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: maxDepth}
	fromProto = proto.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: maxDepth}
)

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
			var err error
			if fromJSON.Unmarshal(line, f) != nil {
				f, err = diagnose(line)
			}
			if !yield(f, err) {
				return
			}
		}
	}
}

// diagnose finds out what is wrong with a line that protojson refused: its error names no field, and its text may quote
// a token. Errors are rare, so trying the parts one by one is cheap enough.
func diagnose(line []byte) (*clientv1.ClientFrame, error) {
	f := new(clientv1.ClientFrame)
	var parts map[string]json.RawMessage
	if json.Unmarshal(line, &parts) != nil {
		return f, fault.Invalid("frame", "the frame is not a JSON object")
	}
	if fromJSON.Unmarshal(object("id", parts["id"]), f) != nil {
		return f, fault.Invalid("id", "id must be a number from 0 to 4294967295")
	}
	fields := f.ProtoReflect().Descriptor().Fields()
	var kind protoreflect.FieldDescriptor
	for i := range fields.Len() {
		field := fields.Get(i)
		if _, set := parts[field.JSONName()]; !set || field.ContainingOneof() == nil {
			continue
		}
		if kind != nil {
			return f, fault.Invalid("frame", "a frame has one of %s and %s, not both", kind.JSONName(), field.JSONName())
		}
		kind = field
	}
	if kind == nil {
		return f, fault.Invalid("frame", "the frame is malformed")
	}
	var body map[string]json.RawMessage
	if json.Unmarshal(parts[kind.JSONName()], &body) != nil {
		return f, fault.Invalid(kind.JSONName(), "%s must be an object", kind.JSONName())
	}
	for name, value := range body {
		known := kind.Message().Fields().ByJSONName(name)
		if known != nil && fromJSON.Unmarshal(object(kind.JSONName(), object(name, value)), new(clientv1.ClientFrame)) != nil {
			return f, fault.Invalid(name, "%s does not hold a valid %s", name, typeName(known))
		}
	}
	return f, fault.Invalid(kind.JSONName(), "%s is malformed", kind.JSONName())
}

// object is the JSON object {"name":value}, or {} without a value.
func object(name string, value []byte) []byte {
	if value == nil {
		return []byte("{}")
	}
	return []byte(`{"` + name + `":` + string(value) + `}`)
}

// typeName is what a field holds, in the words of someone who writes JSON.
func typeName(field protoreflect.FieldDescriptor) string {
	switch {
	case field.IsList():
		return "array"
	case field.Kind() == protoreflect.StringKind:
		return "UTF-8 string"
	case field.Kind() == protoreflect.Uint32Kind:
		return "number (0 to 4294967295)"
	}
	return strings.TrimSuffix(field.Kind().String(), "ean")
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
