package room

import (
	"errors"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/role"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// MaxPending is how many changes of one room may wait for its log. Each request waits for its own, so that many wait
// only while message-store is away; then the outbox must not grow without end. With names, 500 fit one snapshot.
const MaxPending = 500

// Limits bound what users can make.
type Limits struct {
	RoomsPerUser     int `env:"NATTER_ROOMS_PER_USER" envDefault:"1000" help:"rooms one user can be a member of"`
	MembersPerRoom   int `env:"NATTER_MEMBERS_PER_ROOM" envDefault:"10000" help:"members one room can have"`
	NameChars        int `env:"NATTER_ROOM_NAME_CHARS" envDefault:"100" help:"longest name of a room, in characters"`
	DescriptionChars int `env:"NATTER_ROOM_DESCRIPTION_CHARS" envDefault:"1000" help:"longest description of a room, in characters"`
	TopicChars       int `env:"NATTER_ROOM_TOPIC_CHARS" envDefault:"250" help:"longest topic of a room, in characters"`

	InvitationsPerDay   int           `env:"NATTER_ROOM_INVITATIONS_PER_DAY" envDefault:"200" help:"invitations to rooms one user can make in 24 hours"`
	InvitationLife      time.Duration `env:"NATTER_ROOM_INVITATION_LIFE" envDefault:"336h" help:"how long an invitation to a room is pending before it expires"`
	LinksPerRoom        int           `env:"NATTER_LINKS_PER_ROOM" envDefault:"50" help:"invite links one room can have that have not expired"`
	LinkLifeMax         time.Duration `env:"NATTER_LINK_LIFE_MAX" envDefault:"8760h" help:"the longest life of an invite link to a room; the standard is 7 days"`
	ConversationsPerDay int           `env:"NATTER_CONVERSATIONS_PER_DAY" envDefault:"200" help:"direct conversations and groups one user can start in 24 hours"`
}

// Create makes creator the first member of a new room, and its owner.
func (l Limits) Create(creator *chatv1.UserRef) Decide {
	return func(v View) (*Change, error) { return l.admit(v, creator, creator, role.Owner) }
}

// Join is a user joining by themselves. Who joins an empty room becomes its owner: a room without one could not be
// looked after. A private room does not exist for those outside, unless they are invited; an archived one lets nobody else in.
func (l Limits) Join(user *chatv1.UserRef) Decide {
	return func(v View) (*Change, error) {
		switch {
		case v.Target != role.None:
			return nil, nil
		case v.Room.IsPrivate && v.Invited.IsZero():
			return nil, ErrNotFound
		case v.TargetBanned:
			return nil, errBanned
		case v.Room.IsPrivate && v.Room.IsArchived:
			return nil, errArchived
		}
		return l.admit(v, user, user, v.newcomer())
	}
}

// Add is a member adding another user.
func (l Limits) Add(actor, user *chatv1.UserRef) Decide {
	return func(v View) (*Change, error) {
		if err := v.MayInvite(); err != nil {
			return nil, err
		}
		switch {
		case v.Target != role.None:
			return nil, nil
		case v.TargetBanned:
			return nil, fault.New(fault.PermissionDenied, "this user is banned from the room")
		}
		return l.admit(v, actor, user, role.Member)
	}
}

// Place makes a user a member whatever the limits are: of those who own the database nothing is asked. The first member
// of a room owns it.
func Place(user *chatv1.UserRef) Decide {
	return func(v View) (*Change, error) {
		if v.Target != role.None {
			return nil, nil
		}
		return stands(user, user, Standing{Role: v.newcomer()}), nil
	}
}

// Leave is a member leaving. Leaving a public room twice is not an error.
func Leave(user *chatv1.UserRef) Decide {
	return func(v View) (*Change, error) {
		switch {
		case v.hidden():
			return nil, ErrNotFound
		case v.Target == role.None:
			return nil, nil
		case v.Room.Kind == role.Direct:
			return nil, fault.New(fault.PermissionDenied, "a direct conversation cannot be left; it can be hidden")
		case v.Target == role.Owner && v.Room.MemberCount > 1:
			return nil, fault.New(fault.PermissionDenied, "you own this room: give it to another member before you leave it")
		}
		return v.enqueue(v.left(user, user, reasonLeft, ""))
	}
}

// may: the table of roles lets the actor do it.
func (v View) may(a role.Action) bool { return v.Actor.May(a, v.Room.Kind) }

// newcomer is the role of who joins.
func (v View) newcomer() role.Role {
	if v.Room.MemberCount == 0 {
		return role.Owner
	}
	return role.Member
}

// hidden: who asks may not know of the room.
func (v View) hidden() bool { return v.Room.IsPrivate && v.Actor == role.None }

// admit lets the target in, with the mute they left with, unless a limit is reached.
func (l Limits) admit(v View, actor, user *chatv1.UserRef, as role.Role) (*Change, error) {
	switch {
	case int(v.Room.MemberCount) >= l.MembersPerRoom:
		return nil, fault.New(fault.ResourceExhausted, "the room is full: it has %d members", l.MembersPerRoom)
	case v.TargetRooms >= l.RoomsPerUser:
		return nil, fault.New(fault.ResourceExhausted, "one user can be in %d rooms: leave one first", l.RoomsPerUser)
	}
	return v.enqueue(stands(actor, user, Standing{Role: as, MutedUntil: v.mute()}))
}

// enqueue lets the change wait for the log, unless too many do.
func (v View) enqueue(c *Change) (*Change, error) {
	if v.Pending >= MaxPending {
		return nil, fault.New(fault.Unavailable, "the room's log is behind; try again").WithRetryAfter(time.Second)
	}
	return c, nil
}

// Check returns an error for a limit that lets nothing through.
func (l Limits) Check() error {
	if min(l.RoomsPerUser, l.MembersPerRoom, l.NameChars, l.DescriptionChars, l.TopicChars) < 1 {
		return errors.New("NATTER_ROOMS_PER_USER, NATTER_MEMBERS_PER_ROOM, NATTER_ROOM_NAME_CHARS, NATTER_ROOM_DESCRIPTION_CHARS " +
			"and NATTER_ROOM_TOPIC_CHARS must be 1 or more")
	}
	if min(l.InvitationsPerDay, l.LinksPerRoom, l.ConversationsPerDay) < 0 {
		return errors.New("NATTER_ROOM_INVITATIONS_PER_DAY, NATTER_LINKS_PER_ROOM and NATTER_CONVERSATIONS_PER_DAY must be 0 or more")
	}
	if min(l.InvitationLife, l.LinkLifeMax) < shortestLinkLife {
		return errors.New("NATTER_ROOM_INVITATION_LIFE and NATTER_LINK_LIFE_MAX must be a minute or more")
	}
	return nil
}
