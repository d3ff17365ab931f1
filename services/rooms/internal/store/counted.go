package store

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/obs"
	"github.com/natter-chat/natter/services/rooms/internal/room"
)

// Counted is a store that counts how often it is read for people: when many come back at once it should be seldom.
type Counted struct {
	Store
	room, rooms, memberships, members, snapshot, invitations, links prometheus.Counter
}

// Count counts the reads of a store.
func Count(s Store, reg prometheus.Registerer) (*Counted, error) {
	reads, err := obs.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "natter_rooms_store_reads_total", Help: "Queries to the database, by what they read; those of the outbox are not counted.",
	}, []string{"what"}))
	if err != nil {
		return nil, err
	}
	return &Counted{
		Store: s, room: reads.WithLabelValues("room"), rooms: reads.WithLabelValues("rooms"),
		memberships: reads.WithLabelValues("memberships"), members: reads.WithLabelValues("members"), snapshot: reads.WithLabelValues("snapshot"),
		invitations: reads.WithLabelValues("invitations"), links: reads.WithLabelValues("links"),
	}, nil
}

// Room implements Store.
func (c *Counted) Room(ctx context.Context, id ids.Room, viewer ids.User) (room.Membership, error) {
	c.room.Inc()
	return c.Store.Room(ctx, id, viewer)
}

// Visible implements Store.
func (c *Counted) Visible(ctx context.Context, viewer ids.User, after ids.Room, limit int) ([]room.Room, error) {
	c.rooms.Inc()
	return c.Store.Visible(ctx, viewer, after, limit)
}

// Joined implements Store.
func (c *Counted) Joined(ctx context.Context, user ids.User, after ids.Room, limit int) ([]room.Room, error) {
	c.rooms.Inc()
	return c.Store.Joined(ctx, user, after, limit)
}

// Memberships implements Store.
func (c *Counted) Memberships(ctx context.Context, user ids.User, after ids.Room, limit int) ([]room.Membership, error) {
	c.memberships.Inc()
	return c.Store.Memberships(ctx, user, after, limit)
}

// MembershipsOf implements Store.
func (c *Counted) MembershipsOf(ctx context.Context, users []ids.User, perUser int) (map[ids.User][]room.Membership, error) {
	c.memberships.Inc()
	return c.Store.MembershipsOf(ctx, users, perUser)
}

// Members implements Store.
func (c *Counted) Members(ctx context.Context, id ids.Room, after ids.User, limit int) ([]room.Member, error) {
	c.members.Inc()
	return c.Store.Members(ctx, id, after, limit)
}

// FirstMembers implements Store.
func (c *Counted) FirstMembers(ctx context.Context, rooms []ids.Room, perRoom int) (map[ids.Room][]ids.User, error) {
	c.members.Inc()
	return c.Store.FirstMembers(ctx, rooms, perRoom)
}

// Snapshot implements Store.
func (c *Counted) Snapshot(ctx context.Context, id ids.Room, logVersion uint32, after ids.User, limit int) (Snapshot, error) {
	c.snapshot.Inc()
	return c.Store.Snapshot(ctx, id, logVersion, after, limit)
}

// Directory implements Access.
func (c *Counted) Directory(ctx context.Context, viewer ids.User, query string, after room.Position, limit int) ([]Listed, error) {
	c.rooms.Inc()
	return c.Store.Directory(ctx, viewer, query, after, limit)
}

// Invitation implements Access.
func (c *Counted) Invitation(ctx context.Context, id ids.RoomInvitation) (room.Invitation, error) {
	c.invitations.Inc()
	return c.Store.Invitation(ctx, id)
}

// RoomInvitations implements Access.
func (c *Counted) RoomInvitations(ctx context.Context, id ids.Room, at time.Time, after ids.RoomInvitation, limit int) ([]room.Invitation, error) {
	c.invitations.Inc()
	return c.Store.RoomInvitations(ctx, id, at, after, limit)
}

// UserInvitations implements Access.
func (c *Counted) UserInvitations(ctx context.Context, user ids.User, at time.Time, after ids.RoomInvitation, limit int) ([]Invited, error) {
	c.invitations.Inc()
	return c.Store.UserInvitations(ctx, user, at, after, limit)
}

// Link implements Access.
func (c *Counted) Link(ctx context.Context, hash []byte, viewer ids.User, at time.Time) (LinkView, error) {
	c.links.Inc()
	return c.Store.Link(ctx, hash, viewer, at)
}

// Links implements Access.
func (c *Counted) Links(ctx context.Context, id ids.Room, at time.Time, after ids.RoomLink, limit int) ([]room.Link, error) {
	c.links.Inc()
	return c.Store.Links(ctx, id, at, after, limit)
}

// Direct implements Access.
func (c *Counted) Direct(ctx context.Context, pair room.Pair) (room.Room, error) {
	c.room.Inc()
	return c.Store.Direct(ctx, pair)
}
