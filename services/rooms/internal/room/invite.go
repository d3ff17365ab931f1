package room

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// Invitation asks one user into a room. It is pending until it ends or expires.
type Invitation struct {
	ID        ids.RoomInvitation
	Room      ids.Room
	User, By  ids.User
	CreatedAt time.Time
	ExpiresAt time.Time
	EndedAt   time.Time // zero: it has not ended
}

// IsPending reports whether the invitation can be accepted.
func (i Invitation) IsPending(at time.Time) bool { return i.EndedAt.IsZero() && at.Before(i.ExpiresAt) }

// ForgetAt is when an invitation is of no use to anybody: it can be accepted no more, and is not counted.
func (i Invitation) ForgetAt() time.Time {
	counts := i.CreatedAt.Add(InvitationWindow)
	if i.EndedAt.IsZero() && i.ExpiresAt.After(counts) {
		return i.ExpiresAt
	}
	return counts
}

// Link lets whoever knows its token into a room.
type Link struct {
	ID        ids.RoomLink
	Room      ids.Room
	By        ids.User
	CreatedAt time.Time
	ExpiresAt time.Time
	// MaxUses is how many may join by it, 0: any number; Uses how many have.
	MaxUses, Uses uint32
}

// Leads reports whether the link still lets people in.
func (l Link) Leads(at time.Time) bool {
	return at.Before(l.ExpiresAt) && (l.MaxUses == 0 || l.Uses < l.MaxUses)
}

var (
	// ErrNoInvitation is the answer to whom an invitation does not concern, too.
	ErrNoInvitation = fault.New(fault.NotFound, "there is no such invitation (any more)")
	// ErrNoLink does not tell a token that was never one from one that is no longer good.
	ErrNoLink = fault.New(fault.NotFound, "this link does not work (any more)")

	errArchived = fault.New(fault.PermissionDenied, "this room is archived")
	errBanned   = fault.New(fault.PermissionDenied, "you are banned from this room")
)

// Permit looks at a view, and at how many of what is to be made there are, and returns why not another; nil: it may be.
type Permit func(v View, there int) error

// InvitationWindow is the time in which the invitations of one user are counted.
const InvitationWindow = 24 * time.Hour

// Invite lets a member invite the target; there is how many invitations the actor made within InvitationWindow.
func (l Limits) Invite(v View, there int) error {
	if err := v.MayInvite(); err != nil {
		return err
	}
	switch {
	case v.Target != role.None:
		return fault.New(fault.AlreadyExists, "this user is a member already")
	case v.TargetBanned:
		return fault.New(fault.PermissionDenied, "this user is banned from the room")
	case v.Invited.IsZero() && there >= l.InvitationsPerDay:
		return fault.New(fault.ResourceExhausted, "one user can invite %d times a day", l.InvitationsPerDay)
	}
	return nil
}

// MakeLink lets a member make another link; there is how many of the room's have not expired.
func (l Limits) MakeLink(v View, there int) error {
	if err := v.MayInvite(); err != nil {
		return err
	}
	if there >= l.LinksPerRoom {
		return fault.New(fault.ResourceExhausted, "a room can have %d links: revoke one first", l.LinksPerRoom)
	}
	return nil
}

// MayInvite returns why the actor may not let others in; nil: they may.
func (v View) MayInvite() error {
	if err := v.Invites(); err != nil {
		return err
	}
	if v.Room.IsArchived {
		return errArchived
	}
	return nil
}

// Invites returns why the actor may not see who was invited, nor take that back; nil: they may.
func (v View) Invites() error {
	switch {
	case v.hidden():
		return ErrNotFound
	case v.Room.Kind == role.Direct:
		return fault.New(fault.PermissionDenied, "nobody can be added to a direct conversation: start a group")
	case !v.may(role.Invite):
		return fault.New(fault.PermissionDenied, "your role in this room does not let you invite people")
	}
	return nil
}

// JoinByLink is a user joining by the view's link. It uses the link once, but not for who is a member already: a retry of
// the last use succeeds.
func (l Limits) JoinByLink(user *chatv1.UserRef) Decide {
	return func(v View) (*Change, error) {
		if err := v.MayFollow(); err != nil || v.Target != role.None {
			return nil, err
		}
		c, err := l.admit(v, user, user, v.newcomer())
		if err != nil {
			return nil, err
		}
		c.UsesLink = true
		return c, nil
	}
}

// MayFollow returns why the target may not join by the view's link; nil: they may, or have.
func (v View) MayFollow() error {
	switch {
	case v.Target != role.None:
		return nil
	case v.Link == nil || !v.Link.Leads(v.At):
		return ErrNoLink
	case v.TargetBanned:
		return errBanned
	case v.Room.IsArchived:
		return errArchived
	}
	return nil
}

// A link's token is 256 random bits. Its SHA-256 is what is stored: nobody can try so many, so it needs no slow hash.
const linkTokenBytes = 32

// NewLinkToken makes a token, and the hash it is known by.
func NewLinkToken() (token string, hash []byte) {
	secret := make([]byte, linkTokenBytes)
	_, _ = rand.Read(secret) // never fails
	token = base64.RawURLEncoding.EncodeToString(secret)
	return token, hashLinkToken(token)
}

// ParseLinkToken returns the hash of a token; ErrNoLink when it was never one.
func ParseLinkToken(token string) (hash []byte, err error) {
	secret, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(secret) != linkTokenBytes || len(token) != base64.RawURLEncoding.EncodedLen(linkTokenBytes) { // it skips line breaks
		return nil, ErrNoLink
	}
	return hashLinkToken(token), nil
}

func hashLinkToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// The lifetimes of links: what is taken when none is asked for, and the shortest.
const (
	standardLinkLife = 7 * 24 * time.Hour
	shortestLinkLife = time.Minute
)

// LinkLife is how long a link of a room works that is to expire in so many seconds; 0: the standard.
func (l Limits) LinkLife(seconds uint32) (time.Duration, error) {
	if seconds == 0 {
		return min(standardLinkLife, l.LinkLifeMax), nil
	}
	life := time.Duration(seconds) * time.Second
	if life < shortestLinkLife || life > l.LinkLifeMax {
		return 0, fault.Invalid("expiresInSeconds", "must be %d to %d", int(shortestLinkLife.Seconds()), int(l.LinkLifeMax.Seconds()))
	}
	return life, nil
}
