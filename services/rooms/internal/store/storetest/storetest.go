// Package storetest is what every engine of store.Store must pass.
package storetest

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// Open opens an engine on the database that Run was given for a case; two calls are two processes on one database.
type Open func(context.Context) (store.Store, error)

// Run runs the suite. Each case gets a fresh, empty database from database.
func Run(t *testing.T, database func(testing.TB) Open) {
	t.Helper()
	for name, run := range map[string]func(*suite){
		"Create":                       (*suite).create,
		"Change":                       (*suite).change,
		"ChangeDecidesFromTheView":     (*suite).view,
		"ChangeIsAllOrNothing":         (*suite).allOrNothing,
		"ChangeAll":                    (*suite).changeAll,
		"Commands":                     (*suite).commands,
		"Visible":                      (*suite).visible,
		"JoinedAndMemberships":         (*suite).joined,
		"MembershipsOf":                (*suite).membershipsOf,
		"Members":                      (*suite).members,
		"FirstMembers":                 (*suite).firstMembers,
		"Snapshot":                     (*suite).snapshot,
		"Outbox":                       (*suite).outbox,
		"Directory":                    (*suite).directory,
		"Invitations":                  (*suite).invitations,
		"ExpiredInvitations":           (*suite).expiredInvitations,
		"ListsOfInvitations":           (*suite).listInvitations,
		"Links":                        (*suite).links,
		"ADeletedRoomInvitesNobody":    (*suite).aDeletedRoomInvitesNobody,
		"ListsOfLinks":                 (*suite).listLinks,
		"Direct":                       (*suite).direct,
		"Group":                        (*suite).group,
		"Preferences":                  (*suite).preferences,
		"ConcurrentInvitations":        (*suite).concurrentInvitations,
		"ConcurrentUsesOfALink":        (*suite).concurrentUsesOfALink,
		"ConcurrentDirects":            (*suite).concurrentDirects,
		"ConcurrentConversations":      (*suite).concurrentConversations,
		"ConcurrentJoinsAndLeaves":     (*suite).concurrentJoinsAndLeaves,
		"ConcurrentJoinsOfOneUser":     (*suite).concurrentJoinsOfOneUser,
		"ConcurrentJoinsOfAFullRoom":   (*suite).concurrentJoinsOfAFullRoom,
		"SnapshotIsOneMoment":          (*suite).snapshotIsOneMoment,
		"Settings":                     (*suite).settings,
		"RolesAndMutes":                (*suite).rolesAndMutes,
		"Bans":                         (*suite).bans,
		"Delete":                       (*suite).delete,
		"ConcurrentTransfers":          (*suite).concurrentTransfers,
		"ConcurrentBanAndJoin":         (*suite).concurrentBanAndJoin,
		"ConcurrentRoleAndLeave":       (*suite).concurrentRoleAndLeave,
		"ConcurrentDeleteAndJoin":      (*suite).concurrentDeleteAndJoin,
		"PendingIsDenseWhileItChanges": (*suite).pendingIsDense,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(newSuite(t, database))
		})
	}
}

// suite is one case: a store on a database of its own, with limits that nothing reaches by accident.
type suite struct {
	*testing.T
	store.Store
	open Open
	now  time.Time
}

func newSuite(t *testing.T, database func(testing.TB) Open) *suite {
	t.Helper()
	s := &suite{T: t, open: database(t), now: time.Date(2026, 11, 22, 10, 0, 0, int(5*time.Millisecond), time.UTC)}
	s.Store = s.process()
	return s
}

// limits are not reached by accident.
var limits = room.Limits{RoomsPerUser: 1000, MembersPerRoom: 10_000, InvitationsPerDay: 1000, LinksPerRoom: 1000, ConversationsPerDay: 1000}

// process opens the case's database once more.
func (s *suite) process() store.Store {
	s.Helper()
	st, err := s.open(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		if err := st.Close(); err != nil {
			s.Errorf("close: %v", err)
		}
	})
	return st
}

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *suite) wantCode(err error, want fault.Code) {
	s.Helper()
	if got := fault.CodeOf(err); got != want {
		s.Errorf("got %v, want code %q", err, want)
	}
}

// newRoom creates a room owned by owner.
func (s *suite) newRoom(owner ids.User, private bool) room.Room {
	s.Helper()
	r, err := s.Create(s.Context(), room.Room{
		ID: ids.New[ids.Room](), Kind: role.Room, Creator: owner, CreatedAt: s.now,
		Settings: room.Settings{
			Name: "Reading group", Description: "Two\nlines — and ünïcode", Topic: "Ünïcode", Avatar: "/a.png", IsPrivate: private, SlowMode: 30,
		},
	}, limits.Create(ref(owner)))
	s.ok(err)
	return r
}

// by is user acting on themselves.
func (s *suite) by(id ids.Room, user ids.User) store.By {
	return store.By{Room: id, Actor: user, Target: user, At: s.now}
}

func (s *suite) join(id ids.Room, user ids.User) room.Room {
	s.Helper()
	r, err := s.Change(s.Context(), s.by(id, user), limits.Join(ref(user)))
	s.ok(err)
	return r
}

func (s *suite) leave(id ids.Room, user ids.User) room.Room {
	s.Helper()
	r, err := s.Change(s.Context(), s.by(id, user), room.Leave(ref(user)))
	s.ok(err)
	return r
}

// pending returns all commands of a room, decoded, after checking that they are the versions from on without a hole.
func (s *suite) pending(id ids.Room, from uint32) []*busv1.Command {
	s.Helper()
	rows, err := s.Pending(s.Context(), id, 1000)
	s.ok(err)
	return s.decode(rows, from)
}

func (s *suite) decode(rows []store.Pending, from uint32) (commands []*busv1.Command) {
	s.Helper()
	for i, row := range rows {
		if want := from + uint32(i); row.Version != want {
			s.Fatalf("pending version %d, want %d", row.Version, want)
		}
		var c busv1.Command
		s.ok(proto.Unmarshal(row.Command, &c))
		commands = append(commands, &c)
	}
	return commands
}

// fold applies commands to a membership.
func fold(members map[string]string, commands []*busv1.Command) {
	for _, c := range commands {
		if joined := c.GetMemberJoined(); joined != nil {
			members[joined.GetUser().GetId()] = joined.GetRole()
		}
		if left := c.GetMemberLeft(); left != nil {
			delete(members, left.GetUser().GetId())
		}
	}
}

func users(n int) []ids.User {
	list := make([]ids.User, n)
	for i := range list {
		list[i] = ids.New[ids.User]()
	}
	return list
}

func ref(user ids.User) *chatv1.UserRef {
	return &chatv1.UserRef{Id: user.String(), Username: "Ada", Avatar: "https://example.org/ada.png"}
}

func roomIDs(rooms []room.Room) (list []ids.Room) {
	for _, r := range rooms {
		list = append(list, r.ID)
	}
	return list
}
