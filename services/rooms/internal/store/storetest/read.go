package storetest

import (
	"maps"
	"slices"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/services/rooms/internal/room"
)

// newestFirst collects pages of two.
func (s *suite) newestFirst(page func(after ids.Room, limit int) ([]room.Room, error)) (all []ids.Room) {
	s.Helper()
	for {
		var after ids.Room
		if len(all) > 0 {
			after = all[len(all)-1]
		}
		rooms, err := page(after, 2)
		s.ok(err)
		if len(rooms) == 0 {
			return all
		}
		all = append(all, roomIDs(rooms)...)
	}
}

func (s *suite) visible() {
	me, other := ids.New[ids.User](), ids.New[ids.User]()
	var want []ids.Room
	for i := range 10 {
		switch r := s.newRoom(other, i%2 == 0); {
		case !r.IsPrivate:
			want = append(want, r.ID)
		case i%4 == 0: // private, but mine
			_, err := s.Change(s.Context(), s.addedBy(other, me, r.ID), limits.Add(ref(other), ref(me)))
			s.ok(err)
			want = append(want, r.ID)
		}
	}
	public := s.newRoom(me, false) // public and mine: listed once
	want = append(want, public.ID)
	slices.Reverse(want)
	got := s.newestFirst(func(after ids.Room, limit int) ([]room.Room, error) { return s.Visible(s.Context(), me, after, limit) })
	if !slices.Equal(got, want) {
		s.Errorf("visible %v\nwant %v", got, want)
	}
	rooms, err := s.Visible(s.Context(), me, ids.Room{}, 1)
	s.ok(err)
	if len(rooms) != 1 || rooms[0] != public {
		s.Errorf("first %+v, want %+v", rooms, public)
	}
}

func (s *suite) joined() {
	me, other := ids.New[ids.User](), ids.New[ids.User]()
	want := []ids.Room{s.newRoom(me, true).ID}
	for i := range 6 {
		if r := s.newRoom(other, false); i%2 == 0 {
			s.join(r.ID, me)
			want = append(want, r.ID)
		}
	}
	var got []ids.Room
	for after := (ids.Room{}); ; {
		page, err := s.Memberships(s.Context(), me, after, 3)
		s.ok(err)
		if len(page) == 0 {
			break
		}
		for _, m := range page {
			if owned := m.Room.Creator == me; owned != (m.Role == role.Owner) || !owned && m.Role != role.Member || !m.JoinedAt.Equal(s.now) {
				s.Errorf("role %q in the room of %s", m.Role, m.Room.Creator)
			}
			got, after = append(got, m.Room.ID), m.Room.ID
		}
	}
	if !slices.Equal(got, want) {
		s.Errorf("memberships %v\nwant %v", got, want)
	}
	slices.Reverse(want)
	got = s.newestFirst(func(after ids.Room, limit int) ([]room.Room, error) { return s.Joined(s.Context(), me, after, limit) })
	if !slices.Equal(got, want) {
		s.Errorf("joined %v\nwant %v", got, want)
	}
}

func (s *suite) membershipsOf() {
	everyone := users(3)
	for i := range 4 {
		r := s.newRoom(everyone[0], i%2 == 0)
		if i%2 == 1 {
			s.join(r.ID, everyone[1])
		}
	}
	nobody := ids.New[ids.User]()
	for _, perUser := range []int{1, 2, 3, 4, 5} {
		got, err := s.MembershipsOf(s.Context(), append([]ids.User{nobody}, everyone...), perUser)
		s.ok(err)
		want := map[ids.User][]room.Membership{}
		for _, user := range everyone[:2] {
			list, err := s.Memberships(s.Context(), user, ids.Room{}, perUser)
			s.ok(err)
			want[user] = list
		}
		if !maps.EqualFunc(got, want, slices.Equal) {
			s.Errorf("%d of each: %+v\nwant %+v", perUser, got, want)
		}
	}
	got, err := s.MembershipsOf(s.Context(), nil, 10)
	s.ok(err)
	if len(got) != 0 {
		s.Errorf("memberships of nobody: %+v", got)
	}
}

func (s *suite) members() {
	everyone := users(7)
	r := s.newRoom(everyone[0], false)
	// They join in another order than that of their ids.
	order := []ids.User{everyone[0], everyone[4], everyone[2], everyone[6], everyone[1], everyone[5], everyone[3]}
	for _, user := range order[1:] {
		s.join(r.ID, user)
	}
	// Who comes back comes last.
	back := order[1]
	s.leave(r.ID, back)
	s.join(r.ID, back)
	order = append(slices.Delete(order, 1, 2), back)

	var got []ids.User
	for after := (ids.User{}); ; {
		page, err := s.Members(s.Context(), r.ID, after, 3)
		s.ok(err)
		if len(page) == 0 {
			break
		}
		for _, m := range page {
			if owner := m.User == everyone[0]; owner != (m.Role == role.Owner) || !m.JoinedAt.Equal(s.now) {
				s.Errorf("member %+v", m)
			}
			got, after = append(got, m.User), m.User
		}
	}
	if !slices.Equal(got, order) {
		s.Errorf("members %v\nwant %v", got, order)
	}
	s.leave(r.ID, order[2])
	_, err := s.Members(s.Context(), r.ID, order[2], 3)
	s.wantCode(err, fault.InvalidArgument)
}

func (s *suite) firstMembers() {
	everyone := users(5)
	small, big := s.newRoom(everyone[0], false), s.newRoom(everyone[4], false)
	for _, i := range []int{2, 0, 3, 1} {
		s.join(big.ID, everyone[i])
	}
	got, err := s.FirstMembers(s.Context(), []ids.Room{big.ID, small.ID, ids.New[ids.Room]()}, 3)
	s.ok(err)
	want := map[ids.Room][]ids.User{small.ID: {everyone[0]}, big.ID: {everyone[4], everyone[2], everyone[0]}}
	if !maps.EqualFunc(got, want, slices.Equal) {
		s.Errorf("first members %v, want %v", got, want)
	}
	if got, err := s.FirstMembers(s.Context(), nil, 3); err != nil || len(got) != 0 {
		s.Errorf("first members of nothing: %v, %v", got, err)
	}
}

func (s *suite) snapshot() {
	everyone := users(5)
	r := s.newRoom(everyone[3], false)
	for _, i := range []int{4, 0, 2, 1} {
		s.join(r.ID, everyone[i])
	}
	s.leave(r.ID, everyone[2])
	s.ok(s.Acked(s.Context(), r.ID, 4))

	var got []ids.User
	for after := (ids.User{}); ; {
		page, err := s.Snapshot(s.Context(), r.ID, 4, after, 2)
		s.ok(err)
		if page.Room.Version != 6 || len(s.decode(page.Pending, 5)) != 2 {
			s.Errorf("version %d, pending %v; want 6, and 5 and 6", page.Room.Version, page.Pending)
		}
		if len(page.Members) == 0 {
			break
		}
		for _, m := range page.Members {
			if owner := m.User == everyone[3]; owner != (m.Role == role.Owner) {
				s.Errorf("role %q of %s", m.Role, m.User)
			}
			got, after = append(got, m.User), m.User
		}
	}
	if want := []ids.User{everyone[0], everyone[1], everyone[3], everyone[4]}; !slices.Equal(got, want) {
		s.Errorf("members %v, want %v", got, want)
	}
	page, err := s.Snapshot(s.Context(), r.ID, 5, ids.User{}, 2)
	s.ok(err)
	if len(s.decode(page.Pending, 6)) != 1 {
		s.Errorf("pending above 5: %v", page.Pending)
	}
	_, err = s.Snapshot(s.Context(), ids.New[ids.Room](), 0, ids.User{}, 2)
	s.wantCode(err, fault.NotFound)
}
