package store

import (
	"context"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/rooms/internal/room"
)

// Access is how people find rooms and get into them: the directory, invitations, links, conversations.
type Access interface {
	// Directory returns the public rooms that are not archived and have query (of room.Query; empty: any) in name or topic,
	// in the order of room.Position, above after.
	Directory(ctx context.Context, viewer ids.User, query string, after room.Position, limit int) ([]Listed, error)

	// Invite locks the room, lets permit look, and stores an invitation; it returns the one that is pending instead if there
	// is one. Invitations of one user at a time do not pass a limit together.
	Invite(ctx context.Context, inv room.Invitation, permit room.Permit) (pending room.Invitation, isNew bool, err error)

	// Invitation returns an invitation, pending or not. NotFound when it is forgotten.
	Invitation(ctx context.Context, id ids.RoomInvitation) (room.Invitation, error)

	// RoomInvitations returns the invitations to a room that are pending at a time, newest (highest id) first, below after;
	// from the newest on when that is zero.
	RoomInvitations(ctx context.Context, id ids.Room, at time.Time, after ids.RoomInvitation, limit int) ([]room.Invitation, error)

	// UserInvitations returns the invitations of a user to rooms that are not archived; the rest as RoomInvitations.
	UserInvitations(ctx context.Context, user ids.User, at time.Time, after ids.RoomInvitation, limit int) ([]Invited, error)

	// EndInvitation ends an invitation. NotFound when it is not pending. Those of somebody who becomes a member or is banned
	// end with that change.
	EndInvitation(ctx context.Context, id ids.RoomInvitation, at time.Time) error

	// MakeLink locks the room, lets permit look, and stores a link.
	MakeLink(ctx context.Context, link room.Link, hash []byte, permit room.Permit) error

	// Link returns the link with this hash, be it good or not, and what viewer is in its room.
	Link(ctx context.Context, hash []byte, viewer ids.User, at time.Time) (LinkView, error)

	// Links returns the links of a room that have not expired; the rest as RoomInvitations.
	Links(ctx context.Context, id ids.Room, at time.Time, after ids.RoomLink, limit int) ([]room.Link, error)

	// DeleteLink removes a link of a room. NotFound.
	DeleteLink(ctx context.Context, id ids.Room, link ids.RoomLink) error

	// Direct returns the direct conversation of a pair. NotFound.
	Direct(ctx context.Context, pair room.Pair) (room.Room, error)

	// Converse stores a new conversation with its members, all or nothing; permit sees how many conversations their creator
	// has started. If r has a pair that has a conversation already, it returns that one as it is.
	Converse(ctx context.Context, r room.Room, members []Step, permit func(there int) error) (room.Room, error)

	// SetPreferences stores how a member wants a room shown, with the next Rev; room.ErrNotMember.
	SetPreferences(ctx context.Context, id ids.Room, user ids.User, p room.Preferences) (room.Preferences, error)

	// DeleteExpired removes the links that have expired, and the invitations that count for nothing any more.
	DeleteExpired(ctx context.Context, at time.Time) error
}

// Listed is a room in the directory.
type Listed struct {
	Room     room.Room
	Position room.Position
	IsMember bool
}

// Invited is an invitation and the room it is to.
type Invited struct {
	room.Invitation
	To room.Room
}

// LinkView is a link, and its room as somebody sees it who has the link.
type LinkView struct {
	Link room.Link
	room.Membership
	IsBanned bool
}
