package main

import (
	"fmt"
	"regexp"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// subjects are what travels on NATS besides rpc. Keep it equal to pkg/subject, which builds and parses them.
var subjects = []struct{ id, address, title, message, reply string }{
	{"in", "natter.in.{partition}.{room}", "Commands for a room, to the message-store that owns its partition (queue group `owner`).", "bus.v1.Commands", "bus.v1.Outcomes"},
	{"inAny", "natter.in.any.{room}", "The same, to any message-store, when the owner is silent.", "bus.v1.Commands", "bus.v1.Outcomes"},
	{"roomEvent", "natter.room.{room}.event", "The committed events of a room, from message-store to the gateways.", "chat.v1.Event", ""},
	{"roomSignal", "natter.room.{room}.signal", "Typing and receipts of a room. May be lost.", "bus.v1.RoomSignal", ""},
	{"head", "natter.head.{partition}", "Beacon: the heads of recently active rooms, from message-store to the gateways.", "bus.v1.Beacon", ""},
	{"userEvent", "natter.user.{user}.event", "What concerns one user, to the gateways they are connected to.", "bus.v1.UserEvent", ""},
	{"roomsChanged", "natter.rooms.changed", "New versions of rooms, among the instances of rooms: what they remember is brought up to date.", "bus.v1.RoomChanged", ""},
	{"sessionsRevoked", "natter.sessions.revoked", "Sessions have ended before their time, from auth to every gateway.", "bus.v1.SessionsRevoked", ""},
	{"presence", "natter.presence.{user}", "A user's first connection to a gateway came, or the last one went.", "bus.v1.PresenceChanged", ""},
	{"presenceQuery", "natter.presence.query", "Which of these users are online? Every gateway answers.", "bus.v1.PresenceQuery", "bus.v1.PresenceSnapshot"},
	{"live", "natter.live.{kind}", "Heartbeats of the instances of one kind of service.", "bus.v1.Heartbeat", ""},
}

const wsDescription = "Subprotocols natter.v1.json (the default: text messages, one JSON frame or several separated by line feeds) and " +
	"natter.v1.proto (binary messages of frames, each after its length as a varint). The first frame is hello."

// asyncAPI is the WebSocket protocol and the NATS subjects as AsyncAPI 3.
func asyncAPI(s *source) ([]byte, error) {
	b := &asyncBuilder{source: s, schemas: newSchemas()}
	b.webSocket()
	for _, subject := range subjects {
		b.natsChannel(subject.id, subject.address, subject.title, b.find(subject.message), b.find(subject.reply))
	}
	for _, rpc := range s.rpcs {
		pkg := strings.Split(string(rpc.ParentFile().Package()), ".")[1]
		address := "natter.rpc." + strings.ReplaceAll(pkg, "_", "-") + "." + string(rpc.Name())
		b.natsChannel("rpc"+string(rpc.Name()), address, comment(rpc), rpc.Input(), rpc.Output())
	}
	if b.err != nil {
		return nil, b.err
	}
	return writeYAML(object{
		{"asyncapi", "3.0.0"},
		{"info", object{{"title", "Natter"}, {"version", "1"}, {"description", "The WebSocket between clients and the gateway, and what the services say to each other over NATS."}}},
		{"defaultContentType", "application/json"},
		{"servers", object{
			{"gateway", object{{"host", "localhost:8080"}, {"protocol", "ws"}, {"description", "The edge-gateway."}}},
			{"nats", object{{"host", "localhost:4222"}, {"protocol", "nats"}, {"description", "Internal. Payloads are protobuf; the schemas show the fields."}}},
		}},
		{"channels", b.channels},
		{"operations", b.operations},
		{"components", object{{"schemas", b.schemas.list()}}},
	})
}

// asyncBuilder collects the parts of the document, and the first error.
type asyncBuilder struct {
	source               *source
	schemas              *schemas
	channels, operations object
	err                  error
}

// find returns a message, or nil for no name.
func (b *asyncBuilder) find(name string) protoreflect.MessageDescriptor {
	if name == "" {
		return nil
	}
	m, err := b.source.message(name)
	if err != nil && b.err == nil {
		b.err = err
	}
	return m
}

// webSocket has a message for each kind of frame; the operations are seen from the gateway.
func (b *asyncBuilder) webSocket() {
	var messages object
	for _, side := range []struct{ prefix, frame, action, title string }{
		{"client", "client.v1.ClientFrame", "receive", "What a client sends."},
		{"server", "client.v1.ServerFrame", "send", "What the gateway sends."},
	} {
		frame := b.find(side.frame)
		if frame == nil {
			return
		}
		var refs []object
		kinds := frame.Oneofs().Get(0).Fields()
		for i := range kinds.Len() {
			kind := kinds.Get(i)
			id := side.prefix + strings.ToUpper(kind.JSONName()[:1]) + kind.JSONName()[1:]
			messages = append(messages, member{id, object{
				{"name", kind.JSONName()}, {"summary", comment(kind.Message())},
				{"payload", object{{"type", "object"}, {"required", []string{kind.JSONName()}}, {"properties", object{
					{"id", object{{"type", "integer"}, {"description", "Of the request, chosen by the client; the answer repeats it."}}},
					{kind.JSONName(), b.schemas.of(kind.Message(), false)},
				}}}},
			}})
			refs = append(refs, object{{"$ref", "#/channels/ws/messages/" + id}})
		}
		b.operations = append(b.operations, member{side.prefix + "Frames", object{
			{"action", side.action}, {"channel", object{{"$ref", "#/channels/ws"}}}, {"summary", side.title}, {"messages", refs},
		}})
	}
	b.channels = append(b.channels, member{"ws", object{
		{"address", "/ws"}, {"servers", []object{{{"$ref", "#/servers/gateway"}}}}, {"description", wsDescription}, {"messages", messages},
	}})
}

var placeholder = regexp.MustCompile(`\{(\w+)\}`)

// natsChannel adds a subject, with a reply if there is one.
func (b *asyncBuilder) natsChannel(id, address, title string, message, reply protoreflect.MessageDescriptor) {
	if message == nil {
		return
	}
	var parameters object
	for _, match := range placeholder.FindAllStringSubmatch(address, -1) {
		description := map[string]string{"room": "Id of the room.", "user": "Id of the user.", "partition": "0 to 63: a hash of the room's id.", "kind": "Name of a service."}[match[1]]
		parameters = append(parameters, member{match[1], object{{"description", description}}})
	}
	messages := object{{"request", b.message(message)}}
	operation := object{
		{"action", "send"}, {"channel", object{{"$ref", "#/channels/" + id}}}, {"summary", title},
		{"messages", []object{{{"$ref", "#/channels/" + id + "/messages/request"}}}},
	}
	if reply != nil {
		messages = append(messages, member{"reply", b.message(reply)})
		operation = append(operation, member{"reply", object{
			{"channel", object{{"$ref", "#/channels/" + id}}}, {"messages", []object{{{"$ref", fmt.Sprintf("#/channels/%s/messages/reply", id)}}}},
		}})
	}
	b.channels = append(b.channels, member{id, object{
		{"address", address}, {"servers", []object{{{"$ref", "#/servers/nats"}}}}, {"description", title}, {"parameters", parameters}, {"messages", messages},
	}})
	b.operations = append(b.operations, member{id, operation})
}

func (b *asyncBuilder) message(m protoreflect.MessageDescriptor) object {
	return object{{"name", string(m.FullName())}, {"contentType", "application/protobuf"}, {"payload", b.schemas.of(m, false)}}
}
