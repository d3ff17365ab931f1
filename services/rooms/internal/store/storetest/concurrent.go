package storetest

import (
	"context"
	"maps"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// addedBy is actor adding user.
func (s *suite) addedBy(actor, user ids.User, id ids.Room) store.By {
	return store.By{Room: id, Actor: actor, Target: user, At: s.now}
}

// concurrentJoinsAndLeaves: 50 users join, and half of them leave, through two processes at the same time.
func (s *suite) concurrentJoinsAndLeaves() {
	processes := []store.Store{s.Store, s.process()}
	owner, everyone := ids.New[ids.User](), users(50)
	r := s.newRoom(owner, false)
	group, ctx := errgroup.WithContext(s.Context())
	for i, user := range everyone {
		group.Go(func() error {
			if _, err := processes[i%2].Change(ctx, s.by(r.ID, user), limits.Join(ref(user))); err != nil || i%4 >= 2 {
				return err
			}
			_, err := processes[(i+1)%2].Change(ctx, s.by(r.ID, user), room.Leave(ref(user)))
			return err
		})
	}
	s.ok(group.Wait())

	m, err := s.Room(s.Context(), r.ID, owner)
	s.ok(err)
	const stayed, left = 24, 26
	if m.Room.MemberCount != 1+stayed || m.Room.Version != 1+stayed+2*left {
		s.Errorf("members %d, version %d; want %d, %d", m.Room.MemberCount, m.Room.Version, 1+stayed, 1+stayed+2*left)
	}
	commands := s.pending(r.ID, 1)
	if len(commands) != int(m.Room.Version) {
		s.Errorf("%d commands for version %d", len(commands), m.Room.Version)
	}
	folded := map[string]string{}
	fold(folded, commands)
	if got := s.everyMember(r.ID); !maps.Equal(got, folded) || len(got) != 1+stayed {
		s.Errorf("members %v\nbut the commands say %v", got, folded)
	}
}

func (s *suite) everyMember(id ids.Room) map[string]string {
	s.Helper()
	list, err := s.Members(s.Context(), id, ids.User{}, 1000)
	s.ok(err)
	members := map[string]string{}
	for _, m := range list {
		members[m.User.String()] = string(m.Role)
	}
	return members
}

// concurrentJoinsOfOneUser must not pass the limit of rooms per user together.
func (s *suite) concurrentJoinsOfOneUser() {
	processes := []store.Store{s.Store, s.process()}
	user, few := ids.New[ids.User](), limits
	few.RoomsPerUser = 5
	var in atomic.Int32
	group, ctx := errgroup.WithContext(s.Context())
	for i := range 20 {
		r := s.newRoom(ids.New[ids.User](), false)
		group.Go(func() error { return s.counted(ctx, processes[i%2], s.by(r.ID, user), few.Join(ref(user)), &in) })
	}
	s.ok(group.Wait())
	list, err := s.Memberships(s.Context(), user, ids.Room{}, 100)
	s.ok(err)
	if in.Load() != 5 || len(list) != 5 {
		s.Errorf("%d joins of 5 succeeded, %d memberships", in.Load(), len(list))
	}
}

func (s *suite) concurrentJoinsOfAFullRoom() {
	r := s.newRoom(ids.New[ids.User](), false)
	few := limits
	few.MembersPerRoom = 8
	var in atomic.Int32
	group, ctx := errgroup.WithContext(s.Context())
	for _, user := range users(20) {
		group.Go(func() error { return s.counted(ctx, s.Store, s.by(r.ID, user), few.Join(ref(user)), &in) })
	}
	s.ok(group.Wait())
	if got := s.everyMember(r.ID); in.Load() != 7 || len(got) != 8 {
		s.Errorf("%d joins of 7 succeeded, %d members", in.Load(), len(got))
	}
}

// counted makes a change that may meet a limit, and counts it when it did not.
func (s *suite) counted(ctx context.Context, st store.Store, by store.By, decide room.Decide, in *atomic.Int32) error {
	_, err := st.Change(ctx, by, decide)
	switch fault.CodeOf(err) {
	case fault.ResourceExhausted:
		return nil
	case "":
		in.Add(1)
	}
	return err
}

// snapshotIsOneMoment: version, members and pending of a snapshot belong together while the room changes.
func (s *suite) snapshotIsOneMoment() {
	s.whileItChanges(func(ctx context.Context, id ids.Room) {
		snap, err := s.Snapshot(ctx, id, 0, ids.User{}, 1000)
		s.ok(err)
		if len(snap.Pending) != int(snap.Room.Version) {
			s.Errorf("%d pending at version %d, though none was acked", len(snap.Pending), snap.Room.Version)
		}
		folded, members := map[string]string{}, map[string]string{}
		fold(folded, s.decode(snap.Pending, 1))
		for _, m := range snap.Members {
			members[m.User.String()] = string(m.Role)
		}
		if !maps.Equal(members, folded) {
			s.Errorf("version %d: members %v, but the changes say %v", snap.Room.Version, members, folded)
		}
	})
}

// pendingIsDense: a relay never sees version v+1 without v.
func (s *suite) pendingIsDense() {
	s.whileItChanges(func(_ context.Context, id ids.Room) { s.pending(id, 1) })
}

// whileItChanges calls check again and again while 40 users join a room and leave it, in another process.
func (s *suite) whileItChanges(check func(context.Context, ids.Room)) {
	other, r := s.process(), s.newRoom(ids.New[ids.User](), false)
	group, ctx := errgroup.WithContext(s.Context())
	for _, user := range users(40) {
		group.Go(func() error {
			if _, err := other.Change(ctx, s.by(r.ID, user), limits.Join(ref(user))); err != nil {
				return err
			}
			_, err := other.Change(ctx, s.by(r.ID, user), room.Leave(ref(user)))
			return err
		})
	}
	done := make(chan error, 1)
	go func() { done <- group.Wait() }()
	for {
		check(s.Context(), r.ID)
		select {
		case err := <-done:
			s.ok(err)
			return
		default:
		}
	}
}
