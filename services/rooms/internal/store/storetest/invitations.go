package storetest

import (
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// invitation is one that s.Invite takes, for a week.
func (s *suite) invitation(id ids.Room, by, user ids.User) room.Invitation {
	return room.Invitation{ID: ids.New[ids.RoomInvitation](), Room: id, User: user, By: by, CreatedAt: s.now, ExpiresAt: s.now.Add(7 * 24 * time.Hour)}
}

func (s *suite) invite(id ids.Room, by, user ids.User) room.Invitation {
	s.Helper()
	inv, isNew, err := s.Invite(s.Context(), s.invitation(id, by, user), limits.Invite)
	s.ok(err)
	if !isNew {
		s.Fatalf("%v was invited before", user)
	}
	return inv
}

func (s *suite) invitations() {
	owner, user := ids.New[ids.User](), ids.New[ids.User]()
	r := s.newRoom(owner, true)
	inv := s.invite(r.ID, owner, user)
	if got, err := s.Invitation(s.Context(), inv.ID); err != nil || got != inv || !got.IsPending(s.now) {
		s.Errorf("read %+v, %v; want %+v", got, err, inv)
	}
	again, isNew, err := s.Invite(s.Context(), s.invitation(r.ID, owner, user), limits.Invite)
	if err != nil || isNew || again != inv {
		s.Errorf("invited twice: %+v, new %v, %v", again, isNew, err)
	}

	// The view has it; joining ends it.
	if after := s.join(r.ID, user); after.MemberCount != 2 {
		s.Errorf("joined by invitation: %+v", after)
	}
	got, err := s.Invitation(s.Context(), inv.ID)
	s.ok(err)
	if got.IsPending(s.now) || !got.EndedAt.Equal(s.now) {
		s.Errorf("after joining %+v", got)
	}
	s.wantCode(s.EndInvitation(s.Context(), inv.ID, s.now), fault.NotFound)
	s.leave(r.ID, user)
	_, err = s.Change(s.Context(), s.by(r.ID, user), limits.Join(ref(user)))
	s.wantCode(err, fault.NotFound) // it was good for once

	// Taken back.
	inv = s.invite(r.ID, owner, user)
	s.ok(s.EndInvitation(s.Context(), inv.ID, s.now))
	_, err = s.Change(s.Context(), s.by(r.ID, user), limits.Join(ref(user)))
	s.wantCode(err, fault.NotFound)

	// Ended by a ban; who is banned is not invited.
	inv = s.invite(r.ID, owner, user)
	_, err = s.Change(s.Context(), store.By{Room: r.ID, Actor: owner, Target: user, At: s.now}, room.PutBan(ref(owner), ref(user), "", 0))
	s.ok(err)
	s.wantCode(s.EndInvitation(s.Context(), inv.ID, s.now), fault.NotFound)
	_, _, err = s.Invite(s.Context(), s.invitation(r.ID, owner, user), limits.Invite)
	s.wantCode(err, fault.PermissionDenied)

	_, err = s.Invitation(s.Context(), ids.New[ids.RoomInvitation]())
	s.wantCode(err, fault.NotFound)
	_, _, err = s.Invite(s.Context(), s.invitation(ids.New[ids.Room](), owner, user), limits.Invite)
	s.wantCode(err, fault.NotFound)
}

// An invitation that has expired is none: another can be made before it is removed.
func (s *suite) expiredInvitations() {
	owner, user := ids.New[ids.User](), ids.New[ids.User]()
	r := s.newRoom(owner, true)
	old := s.invite(r.ID, owner, user)
	s.now = old.ExpiresAt
	_, err := s.Change(s.Context(), s.by(r.ID, user), limits.Join(ref(user)))
	s.wantCode(err, fault.NotFound)
	s.wantCode(s.EndInvitation(s.Context(), old.ID, s.now), fault.NotFound)
	if list := s.roomInvitations(r.ID); len(list) != 0 {
		s.Errorf("pending %v", list)
	}
	if list := s.userInvitations(user); len(list) != 0 {
		s.Errorf("pending %v", list)
	}
	inv := s.invite(r.ID, owner, user)
	if list := s.roomInvitations(r.ID); !slices.Equal(list, []ids.RoomInvitation{inv.ID}) {
		s.Errorf("pending %v, want %v", list, inv.ID)
	}

	// Removed is what can be accepted no more and counts for no limit.
	s.ok(s.DeleteExpired(s.Context(), s.now))
	_, err = s.Invitation(s.Context(), old.ID)
	s.wantCode(err, fault.NotFound)
	s.ok(s.EndInvitation(s.Context(), inv.ID, s.now))
	s.ok(s.DeleteExpired(s.Context(), s.now.Add(room.InvitationWindow-1)))
	_, err = s.Invitation(s.Context(), inv.ID)
	s.ok(err)
	s.ok(s.DeleteExpired(s.Context(), s.now.Add(room.InvitationWindow)))
	_, err = s.Invitation(s.Context(), inv.ID)
	s.wantCode(err, fault.NotFound)
}

func (s *suite) roomInvitations(id ids.Room) (list []ids.RoomInvitation) {
	s.Helper()
	for { // pages of two
		var after ids.RoomInvitation
		if len(list) > 0 {
			after = list[len(list)-1]
		}
		page, err := s.RoomInvitations(s.Context(), id, s.now, after, 2)
		s.ok(err)
		if len(page) == 0 {
			return list
		}
		for _, i := range page {
			if i.Room != id || !i.IsPending(s.now) {
				s.Errorf("in the list of %v: %+v", id, i)
			}
			list = append(list, i.ID)
		}
	}
}

func (s *suite) userInvitations(user ids.User) (list []ids.RoomInvitation) {
	s.Helper()
	for {
		var after ids.RoomInvitation
		if len(list) > 0 {
			after = list[len(list)-1]
		}
		page, err := s.UserInvitations(s.Context(), user, s.now, after, 2)
		s.ok(err)
		if len(page) == 0 {
			return list
		}
		for _, i := range page {
			if i.User != user || i.To.ID != i.Room || i.To.Name == "" {
				s.Errorf("in the list of %v: %+v", user, i)
			}
			list = append(list, i.ID)
		}
	}
}

func (s *suite) listInvitations() {
	owner, me := ids.New[ids.User](), ids.New[ids.User]()
	big := s.newRoom(owner, true)
	var toBig, mine []ids.RoomInvitation
	for _, user := range users(4) {
		toBig = append(toBig, s.invite(big.ID, owner, user).ID)
	}
	archived := ids.Room{}
	for i := range 4 {
		r := s.newRoom(owner, true)
		inv := s.invite(r.ID, owner, me)
		if i == 0 {
			archived = r.ID
			continue
		}
		mine = append(mine, inv.ID)
	}
	isArchived := true
	_, err := s.Change(s.Context(), store.By{Room: archived, Actor: owner, Target: owner, At: s.now}, room.Configure(ref(owner), room.Update{IsArchived: &isArchived}))
	s.ok(err)
	inv := s.invite(big.ID, owner, me)
	toBig, mine = append(toBig, inv.ID), append(mine, inv.ID)
	s.ok(s.EndInvitation(s.Context(), toBig[1], s.now))
	toBig = slices.Delete(toBig, 1, 2)
	slices.Reverse(toBig)
	slices.Reverse(mine)
	if got := s.roomInvitations(big.ID); !slices.Equal(got, toBig) {
		s.Errorf("to the room %v\nwant %v", got, toBig)
	}
	if got := s.userInvitations(me); !slices.Equal(got, mine) {
		s.Errorf("mine are %v\nwant %v", got, mine)
	}
}

// concurrentInvitations must not pass the limit of who makes them together, and of one user into one room there is one.
func (s *suite) concurrentInvitations() {
	processes := []store.Store{s.Store, s.process()}
	owner, few := ids.New[ids.User](), limits
	few.InvitationsPerDay = 5
	rooms := []room.Room{s.newRoom(owner, true), s.newRoom(owner, true)}
	var made atomic.Int32
	var group errgroup.Group
	for i, user := range users(20) {
		group.Go(func() error {
			_, isNew, err := processes[i%2].Invite(s.Context(), s.invitation(rooms[i/2%2].ID, owner, user), few.Invite)
			if fault.CodeOf(err) == fault.ResourceExhausted {
				return nil
			}
			if isNew {
				made.Add(1)
			}
			return err
		})
	}
	s.ok(group.Wait())
	if got := len(s.roomInvitations(rooms[0].ID)) + len(s.roomInvitations(rooms[1].ID)); made.Load() != 5 || got != 5 {
		s.Errorf("%d invitations of 5 succeeded, %d are there", made.Load(), got)
	}
	s.now = s.now.Add(room.InvitationWindow) // another day
	one := ids.New[ids.User]()
	made.Store(0)
	for i := range 10 {
		group.Go(func() error {
			_, isNew, err := processes[i%2].Invite(s.Context(), s.invitation(rooms[0].ID, owner, one), few.Invite)
			if isNew {
				made.Add(1)
			}
			return err
		})
	}
	s.ok(group.Wait())
	if list := s.userInvitations(one); made.Load() != 1 || len(list) != 1 {
		s.Errorf("%d of 10 at once are new, %d are there", made.Load(), len(list))
	}
	if m, err := s.Room(s.Context(), rooms[0].ID, one); err != nil || m.Role != role.None {
		s.Errorf("the invited is %+v, %v", m, err)
	}
}
