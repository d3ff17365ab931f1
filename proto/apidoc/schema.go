package main

import (
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// schemas collects the JSON Schemas of the messages a document speaks of, by their names.
type schemas struct {
	byName map[string]object
	// complete are the messages whose zero values are always written: those in answers of the HTTP API.
	complete map[string]bool
}

func newSchemas() *schemas { return &schemas{byName: map[string]object{}, complete: map[string]bool{}} }

// list is what was collected, sorted.
func (s *schemas) list() object {
	var all object
	for name, schema := range s.byName {
		all = append(all, member{name, schema})
	}
	slices.SortFunc(all, func(a, b member) int { return strings.Compare(a.key, b.key) })
	return all
}

// of returns a reference to the schema of a message, and collects it and all that it refers to. complete says that zero
// values are always written, so that a reader finds every field.
func (s *schemas) of(m protoreflect.MessageDescriptor, complete bool) object {
	name := shortName(m)
	if _, done := s.byName[name]; done && (s.complete[name] || !complete) {
		return ref("schemas", name)
	}
	s.byName[name], s.complete[name] = nil, complete // so that a message that holds itself ends here
	var properties object
	var required []string
	fields := m.Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		properties = append(properties, member{field.JSONName(), s.field(field, complete)})
		if complete && (field.IsList() || field.Kind() != protoreflect.MessageKind && !field.HasPresence()) {
			required = append(required, field.JSONName())
		}
	}
	description := comment(m)
	if kinds := oneofNames(m); len(kinds) > 0 {
		description = strings.TrimSpace(description + " Exactly one of these is set: " + strings.Join(kinds, ", ") + ".")
	}
	s.byName[name] = object{{"type", "object"}, {"description", description}, {"properties", properties}, {"required", required}}
	return ref("schemas", name)
}

func (s *schemas) field(field protoreflect.FieldDescriptor, complete bool) object {
	var schema object
	switch field.Kind() {
	case protoreflect.MessageKind:
		if field.Message().FullName() == "google.protobuf.Timestamp" {
			schema = object{{"type", "string"}, {"format", "date-time"}}
		} else {
			schema = s.of(field.Message(), complete)
		}
	default:
		schema = scalar(field.Kind())
	}
	if field.IsList() {
		schema = object{{"type", "array"}, {"items", schema}}
	}
	return append(schema, member{"description", comment(field)})
}

// scalar is the schema of a scalar in the proto3 JSON mapping.
func scalar(kind protoreflect.Kind) object {
	switch kind {
	case protoreflect.BoolKind:
		return object{{"type", "boolean"}}
	case protoreflect.Uint32Kind:
		return object{{"type", "integer"}, {"minimum", 0}, {"maximum", math.MaxUint32}}
	case protoreflect.BytesKind:
		return object{{"type", "string"}, {"contentEncoding", "base64"}}
	}
	return object{{"type", "string"}} // uint64 too: JSON numbers do not hold it
}

// oneofNames are the JSON names of the fields of which one is set; empty when the message has no such choice.
func oneofNames(m protoreflect.MessageDescriptor) (names []string) {
	for i := range m.Oneofs().Len() {
		if oneof := m.Oneofs().Get(i); !oneof.IsSynthetic() {
			for j := range oneof.Fields().Len() {
				names = append(names, oneof.Fields().Get(j).JSONName())
			}
		}
	}
	return names
}
