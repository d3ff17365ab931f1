// Package jsonbody decodes what a client sends as JSON, in a frame or in the body of a request, into a message. Its errors
// are faults that name the offending field.
package jsonbody

import (
	"encoding/json"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/natter-chat/natter/pkg/fault"
)

// maxDepth bounds the nesting, of unknown fields too. The deepest message of a client has 4 levels.
const maxDepth = 16

// Unknown fields are ignored: a newer client may talk to an older server.
var options = protojson.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: maxDepth}

// Unmarshal fills m from exactly one JSON object, in the proto3 JSON mapping. The error is an invalid_argument fault whose
// field is a JSON name of m's, or whole when the object itself is the trouble.
func Unmarshal(data []byte, m proto.Message, whole string) error {
	if options.Unmarshal(data, m) == nil {
		return nil
	}
	// protojson's error names no field, and its text may quote a secret. Errors are rare, so the fields are tried one by one.
	var parts map[string]json.RawMessage
	if json.Unmarshal(data, &parts) != nil || parts == nil {
		return fault.Invalid(whole, "%s is not a JSON object", whole)
	}
	fields := m.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		value, given := parts[field.JSONName()]
		if !given {
			continue
		}
		alone := append(append([]byte(`{"`+field.JSONName()+`":`), value...), '}')
		if options.Unmarshal(alone, m.ProtoReflect().New().Interface()) != nil {
			return fault.Invalid(field.JSONName(), "%s is not %s", field.JSONName(), kindName(field))
		}
	}
	return fault.Invalid(whole, "%s is malformed: a field given twice, fields that exclude each other, or too deep nesting", whole)
}

// kindName is what a field holds, in the words of someone who writes JSON.
func kindName(field protoreflect.FieldDescriptor) string {
	switch {
	case field.IsList():
		return "a valid list"
	case field.Kind() == protoreflect.StringKind:
		return "a string of valid UTF-8"
	case field.Kind() == protoreflect.Uint32Kind:
		return "a number from 0 to 4294967295"
	case field.Kind() == protoreflect.BoolKind:
		return "true or false"
	}
	return "a valid object"
}
