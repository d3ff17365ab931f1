package storetest

import (
	"errors"
	"time"

	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

func (s *suite) create() {
	owner, stranger := ids.New[ids.User](), ids.New[ids.User]()
	r := s.newRoom(owner, true)
	if r.Version != 1 || r.MemberCount != 1 || !r.CreatedAt.Equal(s.now) || !r.UpdatedAt.Equal(s.now) {
		s.Errorf("created %+v", r)
	}
	for user, as := range map[ids.User]role.Role{owner: role.Owner, stranger: ""} {
		m, err := s.Room(s.Context(), r.ID, user)
		s.ok(err)
		joined := s.now
		if as == role.None {
			joined = time.Time{}
		}
		if want := (room.Membership{Room: r, Standing: room.Standing{Role: as}, JoinedAt: joined}); m != want {
			s.Errorf("read %+v, want %+v", m, want)
		}
	}
	_, err := s.Room(s.Context(), ids.New[ids.Room](), owner)
	s.wantCode(err, fault.NotFound)

	few := limits
	few.RoomsPerUser = 1
	_, err = s.Create(s.Context(), room.Room{ID: ids.New[ids.Room](), Kind: role.Room, Creator: owner, CreatedAt: s.now}, few.Create(ref(owner)))
	s.wantCode(err, fault.ResourceExhausted)
}

func (s *suite) change() {
	owner, user := ids.New[ids.User](), ids.New[ids.User]()
	r := s.newRoom(owner, false)
	s.now = s.now.Add(time.Second)
	after := s.join(r.ID, user)
	if after.Version != 2 || after.MemberCount != 2 || !after.UpdatedAt.Equal(s.now) || !after.CreatedAt.Equal(r.CreatedAt) {
		s.Errorf("after a join: %+v", after)
	}
	m, err := s.Room(s.Context(), r.ID, user)
	s.ok(err)
	if m.Room != after || m.Role != role.Member {
		s.Errorf("read %+v, want %+v and role member", m, after)
	}
	if again := s.join(r.ID, user); again != after {
		s.Errorf("joined twice: %+v, want it unchanged", again)
	}
	if left := s.leave(r.ID, user); left.Version != 3 || left.MemberCount != 1 {
		s.Errorf("after a leave: %+v", left)
	}
	m, err = s.Room(s.Context(), r.ID, user)
	s.ok(err)
	if m.Role != "" {
		s.Errorf("role %q after leaving", m.Role)
	}
	_, err = s.Change(s.Context(), s.by(ids.New[ids.Room](), user), limits.Join(ref(user)))
	s.wantCode(err, fault.NotFound)
}

func (s *suite) view() {
	owner, user := ids.New[ids.User](), ids.New[ids.User]()
	r, other := s.newRoom(owner, false), s.newRoom(owner, false)
	s.join(r.ID, user)
	s.join(other.ID, user)
	s.ok(s.Acked(s.Context(), r.ID, 1))

	look := func(actor, target ids.User) (v room.View) {
		_, err := s.Change(s.Context(), store.By{Room: r.ID, Actor: actor, Target: target, At: s.now}, func(seen room.View) (*room.Change, error) {
			v = seen
			return nil, nil
		})
		s.ok(err)
		return v
	}
	want := room.View{At: s.now, Actor: role.Owner, Target: role.Member, TargetRooms: 2, Pending: 1}
	got := look(owner, user)
	if want.Room = got.Room; got != want || got.Room.ID != r.ID || got.Room.Version != 2 {
		s.Errorf("view %+v, want %+v", got, want)
	}

	// A role change keeps the member's place and count; a ban ends the membership and stays.
	_, err := s.Change(s.Context(), store.By{Room: r.ID, Actor: owner, Target: user, At: s.now}, room.PutBan(ref(owner), ref(user), "", 0))
	s.ok(err)
	want = room.View{At: s.now, Actor: role.Owner, TargetBanned: true, TargetRooms: 1, Pending: 2}
	got = look(owner, user)
	if want.Room = got.Room; got != want || got.Room.MemberCount != 1 {
		s.Errorf("view after a ban %+v, want %+v", got, want)
	}
	_, err = s.Change(s.Context(), s.by(r.ID, user), limits.Join(ref(user)))
	s.wantCode(err, fault.PermissionDenied)
	if got := look(user, owner); got.Actor != "" || got.Target != role.Owner || got.TargetBanned || got.TargetRooms != 2 {
		s.Errorf("view of a stranger on the owner: %+v", got)
	}
}

func (s *suite) allOrNothing() {
	owner, user := ids.New[ids.User](), ids.New[ids.User]()
	r := s.newRoom(owner, false)
	refused := errors.New("refused")
	for name, decide := range map[string]room.Decide{
		"an error": func(room.View) (*room.Change, error) {
			return &room.Change{Standing: &room.Standing{Role: role.Member}}, refused
		},
		// The member row is written before the room's: the broken role must take everything back.
		"a broken change": func(v room.View) (*room.Change, error) {
			c, err := limits.Join(ref(user))(v)
			c.Standing.Role = "emperor"
			return c, err
		},
	} {
		_, err := s.Change(s.Context(), s.by(r.ID, user), decide)
		if name == "an error" && !errors.Is(err, refused) {
			s.Errorf("%s: got %v", name, err)
		}
		if err == nil {
			s.Errorf("%s: no error", name)
		}
		m, err := s.Room(s.Context(), r.ID, user)
		s.ok(err)
		if m.Room != r || m.Role != "" || len(s.pending(r.ID, 1)) != 1 {
			s.Errorf("%s: left %+v", name, m)
		}
	}

	id := ids.New[ids.Room]()
	_, err := s.Create(s.Context(), room.Room{ID: id, Kind: role.Room, Creator: owner, CreatedAt: s.now}, func(room.View) (*room.Change, error) { return nil, refused })
	if !errors.Is(err, refused) {
		s.Errorf("create: %v", err)
	}
	_, err = s.Room(s.Context(), id, owner)
	s.wantCode(err, fault.NotFound)
}

func (s *suite) changeAll() {
	owner := ids.New[ids.User]()
	r := s.newRoom(owner, false)
	var steps []store.Step
	for _, user := range append(users(room.MaxPending), owner) { // the last one is a member already: nothing to change
		steps = append(steps, store.Step{By: s.by(r.ID, user), Decide: room.Place(ref(user))})
	}
	after, err := s.ChangeAll(s.Context(), steps)
	s.ok(err)
	m, err := s.Room(s.Context(), r.ID, steps[1].Target)
	s.ok(err)
	if want := uint32(room.MaxPending + 1); m.Room.Version != want || m.Room.MemberCount != want || m.Room != after || m.Role != role.Member {
		s.Errorf("after %d placements: %+v", len(steps), m)
	}
	members, err := s.Members(s.Context(), r.ID, ids.User{}, 3)
	s.ok(err)
	for i, user := range []ids.User{owner, steps[0].Target, steps[1].Target} {
		if members[i].User != user {
			s.Errorf("member %d is %v, want %v", i, members[i].User, user)
		}
	}
	s.pending(r.ID, 1) // dense
	_, err = s.Change(s.Context(), s.by(r.ID, ids.New[ids.User]()), limits.Join(ref(owner)))
	s.wantCode(err, fault.Unavailable) // as many wait as may

	refused := errors.New("refused")
	late := ids.New[ids.User]()
	_, err = s.ChangeAll(s.Context(), []store.Step{
		{By: s.by(r.ID, late), Decide: room.Place(ref(late))},
		{By: s.by(r.ID, owner), Decide: func(room.View) (*room.Change, error) { return nil, refused }},
	})
	if !errors.Is(err, refused) {
		s.Errorf("got %v", err)
	}
	if m, err = s.Room(s.Context(), r.ID, late); err != nil || m.Role != "" {
		s.Errorf("half of the changes were made: %+v, %v", m, err)
	}
}

func (s *suite) commands() {
	owner, user := ids.New[ids.User](), ids.New[ids.User]()
	r := s.newRoom(owner, false)
	s.join(r.ID, user)
	_, err := s.Change(s.Context(), store.By{Room: r.ID, Actor: owner, Target: user, At: s.now}, room.Kick(ref(owner), ref(user), ""))
	s.ok(err)
	commands := s.pending(r.ID, 1)
	if len(commands) != 3 {
		s.Fatalf("%d commands, want 3", len(commands))
	}
	for i, actor := range []ids.User{owner, user, owner} {
		c := commands[i]
		if c.GetRoomId() != r.ID.String() || c.GetActor().GetUserId() != actor.String() || c.GetActor().GetUsername() != "Ada" || c.GetNonce() != bus.VersionNonce(uint32(i+1)) {
			s.Errorf("command %d: %v", i+1, c)
		}
	}
	if j := commands[0].GetMemberJoined(); j.GetUser().GetId() != owner.String() || j.GetRole() != "owner" || j.GetVersion() != 1 {
		s.Errorf("version 1: %v", commands[0])
	}
	if j := commands[1].GetMemberJoined(); j.GetUser().GetId() != user.String() || j.GetRole() != "member" || j.GetVersion() != 2 {
		s.Errorf("version 2: %v", commands[1])
	}
	if l := commands[2].GetMemberLeft(); l.GetUser().GetId() != user.String() || l.GetReason() != "kicked" || l.GetVersion() != 3 {
		s.Errorf("version 3: %v", commands[2])
	}
}

func (s *suite) outbox() {
	ctx := s.Context()
	if b, err := s.Backlog(ctx); err != nil || b != (store.Backlog{}) {
		s.Errorf("backlog of nothing %+v, %v", b, err)
	}
	begin, owner := s.now, ids.New[ids.User]()
	old := s.newRoom(owner, false)
	s.now = begin.Add(time.Second)
	for _, user := range users(4) {
		s.join(old.ID, user)
	}
	older := s.newRoom(owner, false) // its id is higher
	s.now = begin.Add(2 * time.Second)
	s.newRoom(owner, false)

	b, err := s.Backlog(ctx)
	s.ok(err)
	if b.Rows != 7 || !b.Oldest.Equal(begin) {
		s.Errorf("backlog %+v", b)
	}
	var stale []ids.Room
	for after := (ids.Room{}); ; { // pages of one
		page, err := s.Stale(ctx, s.now, after, 1)
		s.ok(err)
		if len(page) == 0 {
			break
		}
		stale, after = append(stale, page...), page[0]
	}
	if len(stale) != 2 || stale[0] != old.ID || stale[1] != older.ID {
		s.Errorf("stale %v, want %v and %v", stale, old.ID, older.ID)
	}

	two, err := s.Pending(ctx, old.ID, 2)
	s.ok(err)
	if len(two) != 2 || two[0].Version != 1 || two[1].Version != 2 {
		s.Errorf("first two pending: %+v", two)
	}
	s.ok(s.Acked(ctx, old.ID, 3))
	s.ok(s.Acked(ctx, old.ID, 2)) // a slower relay, later
	if got := s.pending(old.ID, 4); len(got) != 2 {
		s.Errorf("%d pending after the ack of 3 of 5", len(got))
	}
	if got := s.pending(older.ID, 1); len(got) != 1 {
		s.Errorf("%d pending in another room", len(got))
	}
	if b, err := s.Backlog(ctx); err != nil || b.Rows != 4 || !b.Oldest.Equal(begin.Add(time.Second)) {
		s.Errorf("backlog after acks %+v, %v", b, err)
	}
}
