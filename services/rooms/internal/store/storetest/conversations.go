package storetest

import (
	"maps"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// converse opens the direct conversation of two users as the first of them.
func (s *suite) converse(st store.Store, l room.Limits, me, other ids.User) (room.Room, error) {
	r := room.Room{ID: ids.New[ids.Room](), Kind: role.Direct, Settings: room.Settings{IsPrivate: true}, Creator: me, Pair: room.PairOf(me, other), CreatedAt: s.now}
	var steps []store.Step
	for _, user := range r.Pair.People() {
		steps = append(steps, store.Step{By: store.By{Room: r.ID, Actor: me, Target: user, At: s.now}, Decide: room.Converse(ref(me), ref(user))})
	}
	return st.Converse(s.Context(), r, steps, l.Start)
}

func (s *suite) direct() {
	ada, bob := ids.New[ids.User](), ids.New[ids.User]()
	_, err := s.Direct(s.Context(), room.PairOf(ada, bob))
	s.wantCode(err, fault.NotFound)
	r, err := s.converse(s.Store, limits, ada, bob)
	s.ok(err)
	if r.Kind != role.Direct || r.Pair != room.PairOf(bob, ada) || r.Creator != ada || r.Version != 2 || r.MemberCount != 2 || !r.IsPrivate {
		s.Errorf("opened %+v", r)
	}
	for user, other := range map[ids.User]ids.User{ada: bob, bob: ada} {
		if again, err := s.converse(s.Store, limits, user, other); err != nil || again != r {
			s.Errorf("opened again: %+v, %v; want %+v", again, err, r)
		}
		list, err := s.Memberships(s.Context(), user, ids.Room{}, 10)
		if err != nil || len(list) != 1 || list[0].Room != r || list[0].Role != role.Member {
			s.Errorf("memberships %+v, %v", list, err)
		}
	}
	if found, err := s.Direct(s.Context(), r.Pair); err != nil || found != r {
		s.Errorf("found %+v, %v; want %+v", found, err, r)
	}
	members := map[string]string{}
	fold(members, s.pending(r.ID, 1))
	if want := map[string]string{ada.String(): "member", bob.String(): "member"}; !maps.Equal(members, want) {
		s.Errorf("the log will say %v, want %v", members, want)
	}

	notes, err := s.converse(s.Store, limits, ada, ada)
	s.ok(err)
	if notes.MemberCount != 1 || notes.ID == r.ID {
		s.Errorf("with oneself: %+v", notes)
	}

	// They count for no limit of rooms, but for one of their own.
	few := limits
	few.RoomsPerUser, few.ConversationsPerDay = 1, 2
	_, err = s.Create(s.Context(), room.Room{ID: ids.New[ids.Room](), Kind: role.Room, Creator: ada, CreatedAt: s.now}, few.Create(ref(ada)))
	s.ok(err)
	_, err = s.converse(s.Store, few, ada, ids.New[ids.User]())
	s.wantCode(err, fault.ResourceExhausted)
	if again, err := s.converse(s.Store, few, ada, bob); err != nil || again != r {
		s.Errorf("opened again at the limit: %+v, %v", again, err)
	}
	_, err = s.converse(s.Store, few, ids.New[ids.User](), ada)
	s.ok(err)
	s.now = s.now.Add(room.ConversationWindow)
	_, err = s.converse(s.Store, few, ada, ids.New[ids.User]())
	s.ok(err)
}

func (s *suite) group() {
	everyone := users(4)
	owner := everyone[2]
	gather := func(l room.Limits) (room.Room, error) {
		r := room.Room{ID: ids.New[ids.Room](), Kind: role.Group, Settings: room.Settings{IsPrivate: true}, Creator: owner, CreatedAt: s.now}
		steps := []store.Step{{By: s.by(r.ID, owner), Decide: l.Gather(ref(owner), ref(owner))}}
		for _, user := range everyone {
			steps = append(steps, store.Step{By: s.addedBy(owner, user, r.ID), Decide: l.Gather(ref(owner), ref(user))})
		}
		return s.Converse(s.Context(), r, steps, l.Start)
	}
	r, err := gather(limits)
	s.ok(err)
	if r.Kind != role.Group || r.Version != 4 || r.MemberCount != 4 || r.Name != "" || r.Pair != (room.Pair{}) {
		s.Errorf("made %+v", r)
	}
	want := map[string]string{}
	for _, user := range everyone {
		want[user.String()] = "member"
	}
	want[owner.String()] = "owner"
	if got := s.everyMember(r.ID); !maps.Equal(got, want) {
		s.Errorf("members %v, want %v", got, want)
	}
	if another, err := gather(limits); err != nil || another.ID == r.ID { // the same people may have several
		s.Errorf("another: %+v, %v", another, err)
	}
	few := limits
	few.RoomsPerUser = 3
	s.newRoom(everyone[3], false)
	r, err = gather(few)
	s.wantCode(err, fault.ResourceExhausted)
	for i, want := range []int{2, 2, 2, 3} { // all or nothing
		if list, err := s.Memberships(s.Context(), everyone[i], ids.Room{}, 10); err != nil || len(list) != want {
			s.Errorf("%d is in %d rooms, %v", i, len(list), err)
		}
	}
}

// concurrentDirects: 20 at once, from both sides and through two processes, open one conversation.
func (s *suite) concurrentDirects() {
	processes := []store.Store{s.Store, s.process()}
	ada, bob := ids.New[ids.User](), ids.New[ids.User]()
	opened := make([]room.Room, 20)
	var group errgroup.Group
	for i := range opened {
		me, other := ada, bob
		if i/2%2 == 0 {
			me, other = bob, ada
		}
		group.Go(func() (err error) {
			opened[i], err = s.converse(processes[i%2], limits, me, other)
			return err
		})
	}
	s.ok(group.Wait())
	for _, r := range opened {
		if r != opened[0] {
			s.Errorf("%+v\nand %+v", r, opened[0])
		}
	}
	for _, user := range []ids.User{ada, bob} {
		if list, err := s.Memberships(s.Context(), user, ids.Room{}, 10); err != nil || len(list) != 1 || list[0].Room.MemberCount != 2 {
			s.Errorf("memberships %+v, %v", list, err)
		}
	}
	if got := s.pending(opened[0].ID, 1); len(got) != 2 {
		s.Errorf("%d changes wait, want 2", len(got))
	}
}

// concurrentConversations of many who know each other do not wait for each other in a circle; those that one user starts do
// not pass a limit together.
func (s *suite) concurrentConversations() {
	processes := []store.Store{s.Store, s.process()}
	everyone := users(4)
	var group errgroup.Group
	for i, me := range everyone {
		for _, other := range everyone {
			group.Go(func() error {
				_, err := s.converse(processes[i%2], limits, me, other)
				return err
			})
		}
	}
	s.ok(group.Wait())
	for _, me := range everyone {
		if list, err := s.Memberships(s.Context(), me, ids.Room{}, 10); err != nil || len(list) != len(everyone) {
			s.Errorf("%d conversations, %v; want %d", len(list), err, len(everyone))
		}
	}

	me, few := ids.New[ids.User](), limits
	few.ConversationsPerDay = 2
	var opened atomic.Int32
	for i, other := range users(6) {
		group.Go(func() error {
			_, err := s.converse(processes[i%2], few, me, other)
			switch fault.CodeOf(err) {
			case fault.ResourceExhausted:
				return nil
			case "":
				opened.Add(1)
			}
			return err
		})
	}
	s.ok(group.Wait())
	if opened.Load() != 2 {
		s.Errorf("%d conversations of 2", opened.Load())
	}
}

func (s *suite) preferences() {
	owner, user := ids.New[ids.User](), ids.New[ids.User]()
	r := s.newRoom(owner, false)
	s.join(r.ID, user)
	want := room.Preferences{IsFavourite: true, HiddenSeq: 1<<32 - 1, Notifications: room.Mentions, Rev: 1}
	got, err := s.SetPreferences(s.Context(), r.ID, user, room.Preferences{IsFavourite: true, HiddenSeq: 1<<32 - 1, Notifications: room.Mentions, Rev: 77})
	if err != nil || got != want {
		s.Errorf("set %+v, %v; want %+v", got, err, want)
	}
	check := func(who ids.User, want room.Preferences) {
		s.Helper()
		one, err := s.Room(s.Context(), r.ID, who)
		s.ok(err)
		page, err := s.Memberships(s.Context(), who, ids.Room{}, 10)
		s.ok(err)
		of, err := s.MembershipsOf(s.Context(), []ids.User{who}, 10)
		s.ok(err)
		if one.Preferences != want || page[0].Preferences != want || of[who][0].Preferences != want {
			s.Errorf("%+v, %+v, %+v; want %+v", one, page, of, want)
		}
	}
	check(user, want)
	check(owner, room.Preferences{})
	if m, err := s.Room(s.Context(), r.ID, user); err != nil || m.Room.Version != 2 {
		s.Errorf("version %d, %v: it is no change of the room", m.Room.Version, err)
	}

	// Another role keeps them, leaving does not.
	_, err = s.Change(s.Context(), s.addedBy(owner, user, r.ID), func(room.View) (*room.Change, error) { return room.Place(ref(user))(room.View{Room: r}) })
	s.ok(err)
	check(user, want)
	if got, err = s.SetPreferences(s.Context(), r.ID, user, room.Preferences{}); err != nil || got != (room.Preferences{Rev: 2}) {
		s.Errorf("unset %+v, %v", got, err)
	}
	s.leave(r.ID, user)
	_, err = s.SetPreferences(s.Context(), r.ID, user, want)
	s.wantCode(err, fault.PermissionDenied)
	s.join(r.ID, user)
	check(user, room.Preferences{})

	var group errgroup.Group
	for range 10 {
		group.Go(func() error {
			_, err := s.SetPreferences(s.Context(), r.ID, user, room.Preferences{})
			return err
		})
	}
	s.ok(group.Wait())
	check(user, room.Preferences{Rev: 10})
}
