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

// link makes a link to a room, for an hour.
func (s *suite) link(id ids.Room, by ids.User, maxUses uint32) (room.Link, []byte) {
	s.Helper()
	_, hash := room.NewLinkToken()
	l := room.Link{ID: ids.New[ids.RoomLink](), Room: id, By: by, CreatedAt: s.now, ExpiresAt: s.now.Add(time.Hour), MaxUses: maxUses}
	s.ok(s.MakeLink(s.Context(), l, hash, limits.MakeLink))
	return l, hash
}

// byLink is user joining by a link.
func (s *suite) byLink(l room.Link, user ids.User) store.By {
	return store.By{Room: l.Room, Actor: user, Target: user, At: s.now, Link: l.ID}
}

func (s *suite) joinByLink(l room.Link, user ids.User) error {
	_, err := s.Change(s.Context(), s.byLink(l, user), limits.JoinByLink(ref(user)))
	return err
}

func (s *suite) links() {
	owner, user, other := ids.New[ids.User](), ids.New[ids.User](), ids.New[ids.User]()
	r := s.newRoom(owner, true)
	l, hash := s.link(r.ID, owner, 2)
	view, err := s.Link(s.Context(), hash, user, s.now)
	s.ok(err)
	if want := (store.LinkView{Link: l, Membership: room.Membership{Room: r}}); view != want {
		s.Errorf("read %+v\nwant %+v", view, want)
	}
	s.ok(s.joinByLink(l, user))
	s.ok(s.joinByLink(l, user)) // a member already: it is used once
	view, err = s.Link(s.Context(), hash, user, s.now)
	s.ok(err)
	if view.Link.Uses != 1 || view.Role != role.Member || view.Room.MemberCount != 2 || !view.Link.Leads(s.now) {
		s.Errorf("after a use %+v", view)
	}

	// Whom it is not for.
	_, err = s.Change(s.Context(), store.By{Room: r.ID, Actor: owner, Target: other, At: s.now}, room.PutBan(ref(owner), ref(other), "", time.Minute))
	s.ok(err)
	s.wantCode(s.joinByLink(l, other), fault.PermissionDenied)
	view, err = s.Link(s.Context(), hash, other, s.now)
	s.ok(err)
	if !view.IsBanned || view.Link.Uses != 1 {
		s.Errorf("a banned user sees %+v", view)
	}
	elsewhere := l
	elsewhere.Room = s.newRoom(owner, true).ID
	s.wantCode(s.joinByLink(elsewhere, other), fault.NotFound)

	s.now = s.now.Add(time.Minute) // the ban is over
	if view, err = s.Link(s.Context(), hash, other, s.now); err != nil || view.IsBanned {
		s.Errorf("after the ban %+v, %v", view, err)
	}
	s.ok(s.joinByLink(l, other))
	s.wantCode(s.joinByLink(l, ids.New[ids.User]()), fault.NotFound) // used up

	s.wantCode(s.DeleteLink(s.Context(), elsewhere.Room, l.ID), fault.NotFound)
	s.ok(s.DeleteLink(s.Context(), r.ID, l.ID))
	s.wantCode(s.DeleteLink(s.Context(), r.ID, l.ID), fault.NotFound)
	s.wantCode(s.joinByLink(l, ids.New[ids.User]()), fault.NotFound)
	_, err = s.Link(s.Context(), hash, user, s.now)
	s.wantCode(err, fault.NotFound)

	endless, _ := s.link(r.ID, owner, 0)
	for _, user := range users(3) {
		s.ok(s.joinByLink(endless, user))
	}
	s.now = endless.ExpiresAt
	s.wantCode(s.joinByLink(endless, ids.New[ids.User]()), fault.NotFound)
}

// aDeletedRoomInvitesNobody: its links and invitations end with it.
func (s *suite) aDeletedRoomInvitesNobody() {
	owner, user := ids.New[ids.User](), ids.New[ids.User]()
	r := s.newRoom(owner, true)
	l, hash := s.link(r.ID, owner, 0)
	inv := s.invite(r.ID, owner, user)
	_, err := s.Change(s.Context(), s.by(r.ID, owner), room.Delete(ref(owner)))
	s.ok(err)
	s.wantCode(s.joinByLink(l, user), fault.NotFound)
	_, err = s.Link(s.Context(), hash, user, s.now)
	s.wantCode(err, fault.NotFound)
	if list := s.everyLink(r.ID); len(list) != 0 {
		s.Errorf("links %v", list)
	}
	if got, err := s.Invitation(s.Context(), inv.ID); err != nil || got.IsPending(s.now) {
		s.Errorf("the invitation is %+v, %v", got, err)
	}
	if list := s.userInvitations(user); len(list) != 0 {
		s.Errorf("pending %v", list)
	}
	few := limits
	few.InvitationsPerDay = 1
	_, _, err = s.Invite(s.Context(), s.invitation(s.newRoom(owner, true).ID, owner, user), few.Invite)
	s.wantCode(err, fault.ResourceExhausted) // it was made, all the same
}

func (s *suite) listLinks() {
	owner := ids.New[ids.User]()
	r, other := s.newRoom(owner, true), s.newRoom(owner, true)
	var want []ids.RoomLink
	for range 5 {
		l, _ := s.link(r.ID, owner, 0)
		want = append(want, l.ID)
	}
	s.link(other.ID, owner, 0)
	few := limits
	few.LinksPerRoom = 5
	_, hash := room.NewLinkToken()
	late := room.Link{ID: ids.New[ids.RoomLink](), Room: r.ID, By: owner, CreatedAt: s.now, ExpiresAt: s.now.Add(2 * time.Hour)}
	s.wantCode(s.MakeLink(s.Context(), late, hash, few.MakeLink), fault.ResourceExhausted)
	slices.Reverse(want)
	if got := s.everyLink(r.ID); !slices.Equal(got, want) {
		s.Errorf("links %v\nwant %v", got, want)
	}
	late.CreatedAt = s.now.Add(time.Hour) // the others have expired
	s.ok(s.MakeLink(s.Context(), late, hash, few.MakeLink))
	s.now = late.CreatedAt
	if got := s.everyLink(r.ID); !slices.Equal(got, []ids.RoomLink{late.ID}) {
		s.Errorf("links %v, want %v", got, late.ID)
	}
	s.ok(s.DeleteExpired(s.Context(), s.now))
	s.now = s.now.Add(-time.Hour)
	if got := s.everyLink(r.ID); !slices.Equal(got, []ids.RoomLink{late.ID}) {
		s.Errorf("links %v after the expired ones were removed, want %v", got, late.ID)
	}
}

func (s *suite) everyLink(id ids.Room) (list []ids.RoomLink) {
	s.Helper()
	for { // pages of two
		var after ids.RoomLink
		if len(list) > 0 {
			after = list[len(list)-1]
		}
		page, err := s.Links(s.Context(), id, s.now, after, 2)
		s.ok(err)
		if len(page) == 0 {
			return list
		}
		for _, l := range page {
			list = append(list, l.ID)
		}
	}
}

// concurrentUsesOfALink: of all who come at once, as many get in as the link has uses.
func (s *suite) concurrentUsesOfALink() {
	processes := []store.Store{s.Store, s.process()}
	owner := ids.New[ids.User]()
	r := s.newRoom(owner, true)
	for _, uses := range []uint32{1, 3} {
		l, hash := s.link(r.ID, owner, uses)
		var in atomic.Uint32
		var group errgroup.Group
		for i, user := range users(12) {
			group.Go(func() error {
				_, err := processes[i%2].Change(s.Context(), s.byLink(l, user), limits.JoinByLink(ref(user)))
				switch fault.CodeOf(err) {
				case fault.NotFound:
					return nil
				case "":
					in.Add(1)
				}
				return err
			})
		}
		s.ok(group.Wait())
		view, err := s.Link(s.Context(), hash, owner, s.now)
		s.ok(err)
		if in.Load() != uses || view.Link.Uses != uses || view.Link.Leads(s.now) {
			s.Errorf("%d joined by a link for %d; it says %d", in.Load(), uses, view.Link.Uses)
		}
	}
	if got := s.everyMember(r.ID); len(got) != 1+1+3 {
		s.Errorf("%d members", len(got))
	}
}
