// Package subject is every NATS subject of Natter: built and parsed here and nowhere else. Ids are UUIDs, so a subject
// made of them needs no escaping and cannot hold a wildcard. docs: DESIGN §3; the same list is in proto/asyncapi.yaml.
package subject

import (
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/natter-chat/natter/pkg/ids"
)

// Partitions is how many partitions rooms are spread over. It is part of the wire format: every service of a cluster
// must agree on it.
const Partitions = 64

// Partition is the partition of a room: FNV-1a (64 bit) of its 16 bytes, modulo Partitions.
func Partition(room ids.Room) int {
	h := fnv.New64a()
	_, _ = h.Write(room[:])
	return int(h.Sum64() % Partitions)
}

// RPC is where a method of a service listens (micro, queue group).
func RPC(service, method string) string { return RPCGroup(service) + "." + method }

// RPCGroup is the prefix of all methods of a service.
func RPCGroup(service string) string { return "natter.rpc." + service }

// In carries commands for a room to the instance of message-store that owns its partition.
func In(room ids.Room) string {
	return "natter.in." + strconv.Itoa(Partition(room)) + "." + room.String()
}

// InPartition is what the owner of a partition subscribes to, in queue group OwnerQueue.
func InPartition(partition int) string { return "natter.in." + strconv.Itoa(partition) + ".*" }

// InAny carries commands for a room when its owner does not answer: any instance takes them.
func InAny(room ids.Room) string { return "natter.in.any." + room.String() }

// InAnyAll is what every instance of message-store subscribes to, in queue group OwnerQueue.
const InAnyAll = "natter.in.any.*"

// InAll is every command for a room.
const InAll = "natter.in.*.*"

// OwnerQueue is the queue group of the natter.in subjects: two instances that both believe they own a partition must
// not both take a command.
const OwnerQueue = "owner"

// RoomAll is what a gateway subscribes to for a room with local members: its events and its signals.
func RoomAll(room ids.Room) string { return "natter.room." + room.String() + ".*" }

// RoomEvent carries the committed events of a room.
func RoomEvent(room ids.Room) string { return "natter.room." + room.String() + ".event" }

// RoomSignal carries typing and receipts of a room; they may be lost.
func RoomSignal(room ids.Room) string { return "natter.room." + room.String() + ".signal" }

// RoomEventAll, RoomSignalAll and RoomEvery are those of all rooms: for permissions.
const (
	RoomEventAll  = "natter.room.*.event"
	RoomSignalAll = "natter.room.*.signal"
	RoomEvery     = "natter.room.*.*"
)

// ParseRoom takes a subject of RoomEvent or RoomSignal apart.
func ParseRoom(subject string) (room ids.Room, isSignal, ok bool) {
	rest, ok := strings.CutPrefix(subject, "natter.room.")
	if !ok {
		return ids.Room{}, false, false
	}
	id, kind, _ := strings.Cut(rest, ".")
	room, err := ids.ParseRoom(id)
	return room, kind == "signal", err == nil && (kind == "event" || kind == "signal")
}

// ParseIn takes a subject of In or InAny apart.
func ParseIn(subject string) (room ids.Room, ok bool) {
	rest, ok := strings.CutPrefix(subject, "natter.in.")
	if !ok {
		return ids.Room{}, false
	}
	_, id, _ := strings.Cut(rest, ".")
	room, err := ids.ParseRoom(id)
	return room, err == nil
}

// Head carries the beacon of a partition.
func Head(partition int) string { return "natter.head." + strconv.Itoa(partition) }

// HeadAll is every beacon.
const HeadAll = "natter.head.*"

// UserEvent carries what concerns one user, to the gateways they are connected to.
func UserEvent(user ids.User) string { return "natter.user." + user.String() + ".event" }

// UserEventAll is the events of all users.
const UserEventAll = "natter.user.*.event"

// ParseUser takes a subject of UserEvent apart.
func ParseUser(subject string) (ids.User, bool) {
	rest, ok := strings.CutPrefix(subject, "natter.user.")
	if !ok {
		return ids.User{}, false
	}
	id, ok := strings.CutSuffix(rest, ".event")
	user, err := ids.ParseUser(id)
	return user, ok && err == nil
}

// SessionsRevoked tells every gateway of sessions that ended before their time: it refuses their access tokens, too, and so
// must know of users that are not connected to it.
const SessionsRevoked = "natter.sessions.revoked"

// RoomsChanged carries the new versions of rooms, among the instances of rooms.
const RoomsChanged = "natter.rooms.changed"

// UsersChanged carries the new names and avatars of users, to all who show them (package people).
const UsersChanged = "natter.users.changed"

// MentionsChanged carries whom messages call now, among the instances of message-store.
const MentionsChanged = "natter.mentions.changed"

// Presence carries presence transitions of a user.
func Presence(user ids.User) string { return "natter.presence." + user.String() }

// PresenceAll is the transitions of all users, and PresenceQuery.
const PresenceAll = "natter.presence.*"

// PresenceQuery is the scatter-gather question to all gateways.
const PresenceQuery = "natter.presence.query"

// Live carries the heartbeats of the instances of one kind (a service name).
func Live(kind string) string { return "natter.live." + kind }
