package storetest

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// settings: what a room is changes as a whole, with a version and a command, and is found wherever the room is read.
func (s *suite) settings() {
	owner := ids.New[ids.User]()
	r := s.newRoom(owner, false)
	u := room.Update{
		Name: new("New"), Description: new(""), Topic: new("töpic"), Avatar: new("https://example.org/a.png"), IsPrivate: new(true),
		IsArchived: new(true), IsAnnouncement: new(true), SlowMode: new(uint32(21600)),
	}
	s.now = s.now.Add(time.Minute)
	after, err := s.Change(s.Context(), s.by(r.ID, owner), room.Configure(ref(owner), u))
	s.ok(err)
	want := r
	want.Settings, want.Version, want.UpdatedAt = u.On(r.Settings), 2, s.now
	if after != want {
		s.Errorf("after %+v\nwant %+v", after, want)
	}
	m, err := s.Room(s.Context(), r.ID, owner)
	s.ok(err)
	joined, err := s.Joined(s.Context(), owner, ids.Room{}, 10)
	s.ok(err)
	snap, err := s.Snapshot(s.Context(), r.ID, 2, ids.User{}, 10)
	s.ok(err)
	for _, got := range []room.Room{m.Room, joined[0], snap.Room} {
		if got != want {
			s.Errorf("read %+v\nwant %+v", got, want)
		}
	}
	seen, err := s.Visible(s.Context(), ids.New[ids.User](), ids.Room{}, 10)
	s.ok(err)
	if len(seen) != 0 {
		s.Errorf("a stranger sees %+v", seen)
	}
	if c := s.pending(r.ID, 1)[1].GetRoomUpdated(); c.GetName() != "New" || c.GetTopic() != "töpic" || !c.GetIsArchived() || c.GetVersion() != 2 {
		s.Errorf("command %v", c)
	}
}

// standing is what a user is in a room.
func (s *suite) standing(id ids.Room, user ids.User) room.Standing {
	s.Helper()
	m, err := s.Room(s.Context(), id, user)
	s.ok(err)
	return m.Standing
}

// rolesAndMutes: both are the member's until changed; a mute goes on after a leave, a role does not.
func (s *suite) rolesAndMutes() {
	owner, user := ids.New[ids.User](), ids.New[ids.User]()
	r := s.newRoom(owner, false)
	joinedAt := s.now
	s.join(r.ID, user)
	s.now = s.now.Add(time.Second)
	set := func(u room.MemberUpdate) {
		s.Helper()
		_, err := s.Change(s.Context(), s.addedBy(owner, user, r.ID), room.SetMember(ref(owner), ref(user), u))
		s.ok(err)
	}
	check := func(want room.Standing) {
		s.Helper()
		if got := s.standing(r.ID, user); got != want {
			s.Errorf("is %+v, want %+v", got, want)
		}
	}
	set(room.MemberUpdate{Role: new(role.Moderator), Mute: new(time.Hour)})
	muted := s.now.Add(time.Hour)
	check(room.Standing{Role: role.Moderator, MutedUntil: muted})
	members, err := s.Members(s.Context(), r.ID, owner, 10)
	s.ok(err)
	want := room.Member{User: user, Standing: room.Standing{Role: role.Moderator, MutedUntil: muted}, JoinedAt: joinedAt}
	if len(members) != 1 || members[0] != want {
		s.Errorf("members %+v, want %+v", members, want)
	}
	snap, err := s.Snapshot(s.Context(), r.ID, 0, ids.User{}, 10)
	s.ok(err)
	if want.JoinedAt = (time.Time{}); !slices.Contains(snap.Members, want) {
		s.Errorf("snapshot %+v, want %+v in it", snap.Members, want)
	}
	of, err := s.MembershipsOf(s.Context(), []ids.User{user}, 10)
	s.ok(err)
	if of[user][0].Standing != want.Standing {
		s.Errorf("membership %+v", of[user])
	}

	s.leave(r.ID, user)
	check(room.Standing{})
	if back := s.join(r.ID, user); back.MemberCount != 2 {
		s.Errorf("%d members", back.MemberCount)
	}
	check(room.Standing{Role: role.Member, MutedUntil: muted})
	set(room.MemberUpdate{Mute: new(time.Duration(0))})
	check(room.Standing{Role: role.Member})
	s.leave(r.ID, user) // the mute of before has not stayed anywhere
	s.join(r.ID, user)
	check(room.Standing{Role: role.Member})

	set(room.MemberUpdate{Mute: new(time.Minute)})
	s.leave(r.ID, user)
	s.now = s.now.Add(time.Minute) // it ends while they are away
	s.join(r.ID, user)
	check(room.Standing{Role: role.Member})
}

func (s *suite) bans() {
	owner, banned := ids.New[ids.User](), users(5)
	r, other := s.newRoom(owner, false), s.newRoom(owner, false)
	s.join(r.ID, banned[1])
	began := s.now
	put := func(in ids.Room, user ids.User, reason string, lasts time.Duration) room.Room {
		s.Helper()
		after, err := s.Change(s.Context(), s.addedBy(owner, user, in), room.PutBan(ref(owner), ref(user), reason, lasts))
		s.ok(err)
		return after
	}
	list := func(limit int) (all []room.Ban) {
		s.Helper()
		var after ids.User
		for {
			page, err := s.Bans(s.Context(), r.ID, after, s.now, limit)
			s.ok(err)
			if len(page) == 0 {
				return all
			}
			all, after = append(all, page...), page[len(page)-1].User
		}
	}
	put(other.ID, banned[4], "elsewhere", 0)
	want := []room.Ban{}
	for i, user := range banned[:4] { // two at each moment
		s.now = began.Add(time.Duration(i/2) * time.Second)
		b := room.Ban{User: user, By: owner, Reason: "späm\n" + user.String(), CreatedAt: s.now}
		if i == 2 {
			b.ExpiresAt = s.now.Add(time.Hour)
			put(r.ID, user, b.Reason, time.Hour)
		} else {
			put(r.ID, user, b.Reason, 0)
		}
		want = append(want, b)
	}
	slices.Reverse(want)
	for _, limit := range []int{1, 3, 10} {
		if got := list(limit); !slices.Equal(got, want) {
			s.Errorf("pages of %d: %+v\nwant %+v", limit, got, want)
		}
	}
	if s.standing(r.ID, banned[1]).Role != role.None {
		s.Error("a banned member stays")
	}
	_, err := s.Bans(s.Context(), r.ID, banned[4], s.now, 10)
	s.wantCode(err, fault.InvalidArgument)

	// Other terms are no event.
	before := len(s.pending(r.ID, 1))
	s.now = began.Add(2 * time.Second)
	if after := put(r.ID, banned[0], "other", 0); int(after.Version) != before || len(s.pending(r.ID, 1)) != before {
		s.Errorf("version %d after other terms, want %d", after.Version, before)
	}
	if first := list(10)[0]; first != (room.Ban{User: banned[0], By: owner, Reason: "other", CreatedAt: s.now}) {
		s.Errorf("newest %+v", first)
	}
	// It ends by itself, and can be put anew.
	_, err = s.Change(s.Context(), s.by(r.ID, banned[2]), limits.Join(ref(banned[2])))
	s.wantCode(err, fault.PermissionDenied)
	s.now = began.Add(time.Second + time.Hour)
	if got := list(10); len(got) != 3 {
		s.Errorf("bans after one has expired: %+v", got)
	}
	s.join(r.ID, banned[2])
	put(r.ID, banned[2], "again", 0)
	if got := list(10); len(got) != 4 || got[0].Reason != "again" {
		s.Errorf("bans after a second one: %+v", got)
	}
	// Lifted.
	lifted, err := s.Change(s.Context(), s.addedBy(owner, banned[3], r.ID), room.LiftBan)
	s.ok(err)
	if len(list(10)) != 3 || int(lifted.Version) != len(s.pending(r.ID, 1)) {
		s.Errorf("bans after a lift: %+v, version %d", list(10), lifted.Version)
	}
	s.join(r.ID, banned[3])
}

// delete: nobody finds the room any more, except who brings its last event into its log and then purges that.
func (s *suite) delete() {
	owner, everyone := ids.New[ids.User](), users(3)
	r, stays := s.newRoom(owner, false), s.newRoom(owner, false)
	for _, user := range everyone {
		s.join(r.ID, user)
	}
	_, err := s.Change(s.Context(), s.addedBy(owner, everyone[0], r.ID), room.SetMember(ref(owner), ref(everyone[0]), room.MemberUpdate{Mute: new(time.Hour)}))
	s.ok(err)
	s.leave(r.ID, everyone[0])
	_, err = s.Change(s.Context(), s.addedBy(owner, everyone[1], r.ID), room.PutBan(ref(owner), ref(everyone[1]), "", 0))
	s.ok(err)
	after, err := s.Change(s.Context(), s.by(r.ID, owner), room.Delete(ref(owner)))
	s.ok(err)
	if !after.DeletedAt.Equal(s.now) || after.MemberCount != 0 || after.Version != 8 || after.Settings != (room.Settings{}) {
		s.Errorf("after %+v", after)
	}

	_, err = s.Room(s.Context(), r.ID, owner)
	s.wantCode(err, fault.NotFound)
	for name, decide := range map[string]room.Decide{"join": limits.Join(ref(everyone[2])), "delete": room.Delete(ref(owner))} {
		if _, err := s.Change(s.Context(), s.by(r.ID, owner), decide); fault.CodeOf(err) != fault.NotFound {
			s.Errorf("%s: %v", name, err)
		}
	}
	for name, list := range map[string]func(context.Context, ids.User, ids.Room, int) ([]room.Room, error){"visible": s.Visible, "joined": s.Joined} {
		if got, err := list(s.Context(), owner, ids.Room{}, 10); err != nil || !slices.Equal(roomIDs(got), []ids.Room{stays.ID}) {
			s.Errorf("%s %+v, %v", name, got, err)
		}
	}
	snap, err := s.Snapshot(s.Context(), r.ID, 7, ids.User{}, 10)
	s.ok(err)
	if snap.Room != after || len(snap.Members) != 0 || len(snap.Pending) != 1 || !s.pending(r.ID, 1)[7].GetRoomUpdated().GetIsDeleted() {
		s.Errorf("snapshot %+v", snap)
	}
	if bans, err := s.Bans(s.Context(), r.ID, ids.User{}, s.now, 10); err != nil || len(bans) != 0 {
		s.Errorf("bans %+v, %v", bans, err)
	}

	unpurged := func(after ids.Room) []ids.Room {
		s.Helper()
		list, err := s.Unpurged(s.Context(), after, 10)
		s.ok(err)
		return list
	}
	if got := unpurged(ids.Room{}); len(got) != 0 {
		s.Errorf("to be purged before its log has the deletion: %v", got)
	}
	s.ok(s.Acked(s.Context(), r.ID, 8))
	if got := unpurged(ids.Room{}); !slices.Equal(got, []ids.Room{r.ID}) || len(unpurged(r.ID)) != 0 {
		s.Errorf("to be purged: %v", got)
	}
	s.ok(s.Purged(s.Context(), stays.ID, s.now)) // is not deleted: nothing happens
	s.ok(s.Purged(s.Context(), r.ID, s.now))
	if got := unpurged(ids.Room{}); len(got) != 0 {
		s.Errorf("to be purged once more: %v", got)
	}
	_, err = s.Change(s.Context(), s.by(stays.ID, owner), room.Delete(ref(owner)))
	s.ok(err)
	s.ok(s.Acked(s.Context(), stays.ID, 2))
	if got := unpurged(ids.Room{}); !slices.Equal(got, []ids.Room{stays.ID}) {
		s.Errorf("to be purged: %v", got)
	}
}

// atOnce runs these in two processes at the same time; those errors are theirs.
func (s *suite) atOnce(first, second func(store.Store) error) (err1, err2 error) {
	s.Helper()
	other := s.process()
	var both errgroup.Group
	both.Go(func() error { err1 = first(s.Store); return nil })
	both.Go(func() error { err2 = second(other); return nil })
	s.ok(both.Wait())
	return err1, err2
}

// concurrentTransfers: an owner gives the room to two members at once. One gets it.
func (s *suite) concurrentTransfers() {
	for range 10 {
		owner, heirs := ids.New[ids.User](), users(2)
		r := s.newRoom(owner, false)
		transfer := func(to ids.User) func(store.Store) error {
			s.join(r.ID, to)
			return func(st store.Store) error {
				_, err := st.ChangeAll(s.Context(), []store.Step{
					{By: s.addedBy(owner, to, r.ID), Decide: room.Crown(ref(owner), ref(to))},
					{By: s.by(r.ID, owner), Decide: room.Abdicate(ref(owner))},
				})
				return err
			}
		}
		err1, err2 := s.atOnce(transfer(heirs[0]), transfer(heirs[1]))
		if (err1 == nil) == (err2 == nil) || fault.CodeOf(err1) != fault.PermissionDenied && fault.CodeOf(err2) != fault.PermissionDenied {
			s.Errorf("got %v and %v, want one of them", err1, err2)
		}
		var roles []string
		for _, as := range s.everyMember(r.ID) {
			roles = append(roles, as)
		}
		if slices.Sort(roles); !slices.Equal(roles, []string{"admin", "member", "owner"}) || s.standing(r.ID, owner).Role != role.Admin {
			s.Errorf("roles %v", roles)
		}
	}
}

// concurrentBanAndJoin: whoever is first, the user is out at the end.
func (s *suite) concurrentBanAndJoin() {
	owner := ids.New[ids.User]()
	r := s.newRoom(owner, false)
	for _, user := range users(10) {
		err1, err2 := s.atOnce(func(st store.Store) error {
			_, err := st.Change(s.Context(), s.by(r.ID, user), limits.Join(ref(user)))
			return err
		}, func(st store.Store) error {
			_, err := st.Change(s.Context(), s.addedBy(owner, user, r.ID), room.PutBan(ref(owner), ref(user), "", 0))
			return err
		})
		s.ok(err2)
		if err1 != nil {
			s.wantCode(err1, fault.PermissionDenied)
		}
	}
	s.onlyMember(r.ID, owner)
}

// concurrentRoleAndLeave: who leaves stays out, whatever they are made.
func (s *suite) concurrentRoleAndLeave() {
	owner := ids.New[ids.User]()
	r := s.newRoom(owner, false)
	for _, user := range users(10) {
		s.join(r.ID, user)
		err1, err2 := s.atOnce(func(st store.Store) error {
			_, err := st.Change(s.Context(), s.by(r.ID, user), room.Leave(ref(user)))
			return err
		}, func(st store.Store) error {
			appoint := room.SetMember(ref(owner), ref(user), room.MemberUpdate{Role: new(role.Admin)})
			_, err := st.Change(s.Context(), s.addedBy(owner, user, r.ID), appoint)
			return err
		})
		s.ok(err1)
		if err2 != nil {
			s.wantCode(err2, fault.NotFound)
		}
	}
	s.onlyMember(r.ID, owner)
}

// onlyMember: one is left in the room, and the commands say the same.
func (s *suite) onlyMember(id ids.Room, user ids.User) {
	s.Helper()
	folded := map[string]string{}
	fold(folded, s.pending(id, 1))
	m, err := s.Room(s.Context(), id, user)
	s.ok(err)
	if got := s.everyMember(id); len(got) != 1 || len(folded) != 1 || m.Role != role.Owner || m.Room.MemberCount != 1 {
		s.Errorf("members %v, the commands say %v, counted %d", got, folded, m.Room.MemberCount)
	}
}

// concurrentDeleteAndJoin: nobody is a member of a room that is gone.
func (s *suite) concurrentDeleteAndJoin() {
	for range 10 {
		owner, user := ids.New[ids.User](), ids.New[ids.User]()
		r := s.newRoom(owner, false)
		err1, err2 := s.atOnce(func(st store.Store) error {
			_, err := st.Change(s.Context(), s.by(r.ID, user), limits.Join(ref(user)))
			return err
		}, func(st store.Store) error {
			_, err := st.Change(s.Context(), s.by(r.ID, owner), room.Delete(ref(owner)))
			return err
		})
		s.ok(err2)
		if err1 != nil {
			s.wantCode(err1, fault.NotFound)
		}
		if got := s.everyMember(r.ID); len(got) != 0 {
			s.Errorf("members %v", got)
		}
		commands := s.pending(r.ID, 1)
		if !commands[len(commands)-1].GetRoomUpdated().GetIsDeleted() {
			s.Errorf("the last command is %v", commands[len(commands)-1])
		}
	}
}
