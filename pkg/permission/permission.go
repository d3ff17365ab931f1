// Package permission is what each service may do on the bus: one table, from which `make nats` writes the users of the NATS
// server (deploy/nats/users.conf). A service whose machine was taken over can do what it does anyway and no more: a gateway
// publishes no event of a room, reads nobody else's answers, and calls only what it needs.
//
// Answers need no entry: who was asked may answer that once (allow_responses of the NATS server).
package permission

import (
	"fmt"
	"slices"

	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/proto/route"
)

// The users of the bus: the services, and Operator.
const (
	Auth         = "auth"
	Rooms        = "rooms"
	MessageStore = "message-store"
	EdgeGateway  = "edge-gateway"
	// Operator is for people: it lists the services and asks how they are (`nats micro ls`), and hears and says nothing else.
	Operator = "operator"
)

// users lists them.
var users = []string{Auth, Rooms, MessageStore, EdgeGateway, Operator}

// Permissions are subjects, with NATS's wildcards.
type Permissions struct {
	Publish, Subscribe []string
}

// calls are the methods that services call, besides those of the routes, which the gateway calls all.
var calls = map[string]map[string][]string{
	Rooms: {
		Auth:         {"GetUsers"},
		MessageStore: {"PurgeRoom"},
	},
	MessageStore: {
		Auth:  {"FindUsers", "GetUsers"},
		Rooms: {"GetSnapshot", "ListMemberships"},
	},
	EdgeGateway: {
		Auth: {
			"BeginSignOn", "CheckToken", "EndedTokens", "FinishSignOn", "GetKeys", "ListRevoked", "ListStandings", "Logout", "RecordSeen",
			"Refresh",
		},
		Rooms: {"BatchListMemberships", "ListMemberships"},
		MessageStore: {
			"BatchGetHeads", "CreateFile", "FinishFile", "ForgetFiles", "GetEvents", "GetFile", "GetHeads", "GetMeta", "ListGarbage", "MoveMarkers",
		},
	},
}

// topics are what services say and hear besides calls.
var topics = map[string]Permissions{
	Auth: {Publish: []string{subject.UserEventAll, subject.UsersChanged, subject.SessionsRevoked, subject.PresenceAll}},
	Rooms: {
		Publish:   []string{subject.InAll, subject.RoomSignalAll, subject.UserEventAll, subject.RoomsChanged},
		Subscribe: []string{subject.RoomsChanged, subject.UsersChanged},
	},
	MessageStore: {
		Publish: []string{
			subject.RoomEventAll, subject.RoomSignalAll, subject.HeadAll, subject.UserEventAll, subject.MentionsChanged, subject.Live(MessageStore),
		},
		Subscribe: []string{
			subject.InAll, subject.HeadAll, subject.UserEventAll, subject.MentionsChanged, subject.UsersChanged, subject.Live(MessageStore),
		},
	},
	EdgeGateway: {
		Publish: []string{subject.InAll, subject.RoomSignalAll, subject.PresenceAll, subject.Live(EdgeGateway)},
		Subscribe: []string{
			subject.RoomEvery, subject.HeadAll, subject.UserEventAll, subject.SessionsRevoked, subject.PresenceAll,
			subject.Live(MessageStore), subject.Live(EdgeGateway),
		},
	},
}

// Of are the permissions of one user of the bus. An error is a mistake in a .proto file, or an unknown user.
func Of(user string) (Permissions, error) {
	if !slices.Contains(users, user) {
		return Permissions{}, fmt.Errorf("the bus has no user %q", user)
	}
	inbox := bus.InboxPrefix(user) + ".>"
	if user == Operator {
		return Permissions{Publish: []string{"$SRV.>"}, Subscribe: []string{inbox}}, nil
	}
	called, err := methods(user)
	if err != nil {
		return Permissions{}, err
	}
	p := Permissions{
		Publish:   slices.Concat(topics[user].Publish, called),
		Subscribe: append(slices.Clone(topics[user].Subscribe), inbox),
	}
	if user != EdgeGateway { // it has no methods
		// Discovery by NATS's micro protocol: of all services, of this one, of an instance of it.
		p.Subscribe = append(p.Subscribe, subject.RPC(user, "*"), "$SRV.*", "$SRV.*."+user, "$SRV.*."+user+".*")
	}
	slices.Sort(p.Publish)
	slices.Sort(p.Subscribe)
	return p, nil
}

// methods are the subjects of the methods that a user calls.
func methods(user string) ([]string, error) {
	var all []string
	for service, names := range calls[user] {
		for _, name := range names {
			all = append(all, subject.RPC(service, name))
		}
	}
	if user != EdgeGateway {
		return all, nil
	}
	routes, err := route.All()
	if err != nil {
		return nil, err
	}
	for _, r := range routes {
		if r.Service != EdgeGateway { // those it answers by itself
			all = append(all, subject.RPC(r.Service, string(r.RPC.Name())))
		}
	}
	return all, nil
}
