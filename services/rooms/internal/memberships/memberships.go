// Package memberships remembers which rooms people are in, so that those who come back all at once do not ask the
// database.
//
// What it answers was true at the version of the room that comes with it: whoever knows the room's log and finds a higher
// version there has to ask again, and so a removal cannot be overlooked. Versions are dense, which makes that the
// exception: while every change of a room is heard, those whom it did not concern are known to be members at the new
// version, too. Only a join, and what a user prefers, can be missed, when the bus loses it: for as long as keep, unless the
// user joins, leaves or changes preferences again.
package memberships

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/lru"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/services/rooms/internal/room"
)

const (
	// keep is how long a user's memberships are believed. Gateways read those of connected users again every 10 minutes, at
	// the latest, so whoever is connected is remembered all the time.
	keep = 15 * time.Minute
	// late is how long the news of a change may take from the database to here. Who was answered without it, in that time,
	// is told by another user event.
	late = 10 * time.Second
	// roomBytes and memberBytes are about what is remembered of a room, besides its texts, and of a membership.
	roomBytes, memberBytes = 380, 48
)

// Store is where memberships come from.
type Store interface {
	MembershipsOf(ctx context.Context, users []ids.User, perUser int) (map[ids.User][]room.Membership, error)
}

// Cache is the memory. It is safe for concurrent use.
type Cache struct {
	store   Store
	perUser int

	mu    sync.Mutex
	users *lru.Cache[ids.User, *user]
	rooms *lru.Cache[ids.Room, *known]
	reads map[*read]struct{} // under way
}

// user is what a user was a member of, as of a version of each room.
type user struct {
	rooms      []member
	at, served time.Time
}

// member is small: there are as many as memberships of those who are connected.
type member struct {
	room    ids.Room
	version uint32
	role    role.Role
	more    *more // nil: as in most rooms, there is nothing more to say
}

// more is what few memberships have: a mute, or preferences.
type more struct {
	mutedUntil  time.Time
	preferences room.Preferences
}

func remembered(m room.Membership) member {
	of := member{room: m.Room.ID, version: m.Room.Version, role: m.Role}
	if m.Preferences.Rev > 0 || !m.MutedUntil.IsZero() {
		of.more = &more{m.MutedUntil, m.Preferences}
	}
	return of
}

func (m member) preferencesRev() uint32 {
	if m.more == nil {
		return 0
	}
	return m.more.preferences.Rev
}

// membership is the inverse of remembered, with the room as of a version.
func (m member) membership(in room.Room, version uint32) room.Membership {
	of := room.Membership{Room: in, Standing: room.Standing{Role: m.role}}
	if m.more != nil {
		of.MutedUntil, of.Preferences = m.more.mutedUntil, m.more.preferences
	}
	of.Room.Version = version
	return of
}

// known is a room as it was read last, which may be ahead of what was heard. Of the changes above the version since, all
// up to the version heard were heard.
type known struct {
	room.Room
	since, heard uint32
}

// read is a query under way, and what makes parts of its result too old to be remembered.
type read struct {
	changed map[ids.User]struct{}
	void    bool
}

// New returns a cache of about this many bytes that reads up to perUser memberships of a user. Follow makes it hear of
// changes.
func New(store Store, perUser, bytes int) *Cache {
	return &Cache{
		store: store, perUser: perUser, reads: map[*read]struct{}{},
		users: lru.New[ids.User, *user](bytes / 2), rooms: lru.New[ids.Room, *known](bytes / 2),
	}
}

// Of returns the first memberships of each of these users, lowest room first and without JoinedAt. It reads the database
// at most once.
func (c *Cache) Of(ctx context.Context, users []ids.User) (map[ids.User][]room.Membership, error) {
	found := make(map[ids.User][]room.Membership, len(users))
	var missing []ids.User
	now := time.Now()
	c.mu.Lock()
	for _, id := range users {
		if list, ok := c.lookup(id, now); ok {
			found[id] = list
		} else if !slices.Contains(missing, id) {
			missing = append(missing, id)
		}
	}
	c.mu.Unlock()
	return found, c.fill(ctx, found, missing)
}

// Read returns the first memberships of a user as the database has them, and remembers them.
func (c *Cache) Read(ctx context.Context, id ids.User) ([]room.Membership, error) {
	found := make(map[ids.User][]room.Membership, 1)
	err := c.fill(ctx, found, []ids.User{id})
	return found[id], err
}

// fill reads what is missing.
func (c *Cache) fill(ctx context.Context, found map[ids.User][]room.Membership, missing []ids.User) error {
	if len(missing) == 0 {
		return nil
	}
	began := time.Now()
	r := &read{changed: map[ids.User]struct{}{}}
	c.mu.Lock()
	c.reads[r] = struct{}{}
	c.mu.Unlock()
	got, err := c.store.MembershipsOf(ctx, missing, c.perUser)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.reads, r)
	if err != nil {
		return err
	}
	for _, id := range missing {
		found[id] = got[id]
		if _, changed := r.changed[id]; !changed && !r.void {
			c.remember(id, got[id], began)
		}
	}
	return nil
}

// lookup returns the memberships of a user if all of them are known. c.mu is held.
func (c *Cache) lookup(id ids.User, now time.Time) ([]room.Membership, bool) {
	u, ok := c.users.Get(id)
	if !ok || now.Sub(u.at) > keep {
		return nil, false
	}
	list := make([]room.Membership, len(u.rooms))
	for i, m := range u.rooms {
		k, ok := c.rooms.Get(m.room)
		if !ok || m.version < k.since {
			return nil, false
		}
		as := max(m.version, k.heard) // what was heard did not concern the user, or they would have been forgotten
		if k.Version < as {
			return nil, false // name and number of members are older
		}
		list[i] = m.membership(k.Room, as)
	}
	u.served = now
	return list, true
}

// remember keeps the memberships of a user, and the rooms. c.mu is held.
func (c *Cache) remember(id ids.User, list []room.Membership, at time.Time) {
	u := &user{at: at, rooms: make([]member, len(list))}
	for i, m := range list {
		u.rooms[i] = remembered(m)
		switch k, ok := c.rooms.Get(m.Room.ID); {
		case !ok:
			k = &known{Room: m.Room, since: m.Room.Version, heard: m.Room.Version}
			c.rooms.Put(m.Room.ID, k, roomBytes+len(m.Room.Name)+len(m.Room.Description)+len(m.Room.Topic)+len(m.Room.Avatar))
		case k.Version < m.Room.Version:
			k.Room = m.Room
		}
	}
	c.users.Put(id, u, 64+memberBytes*len(list))
}

// Changed takes the news that a room has a new version, in which this user joined or got another role or mute (with a role),
// or left (without), or, about nobody (the zero user), the room itself became another. It may come more than once, and in
// any order. It reports whether the user was answered without it a moment ago.
func (c *Cache) Changed(in ids.Room, version uint32, who ids.User, as role.Role) (answered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for r := range c.reads {
		r.changed[who] = struct{}{}
	}
	if u, ok := c.users.Get(who); ok && !u.has(in, version, as) {
		c.users.Remove(who)
		answered = time.Since(u.served) < late
	}
	switch k, ok := c.rooms.Get(in); {
	case !ok || version <= k.heard:
	case version == k.heard+1:
		k.heard = version
	default: // one before it is still to come, or lost: it may concern anybody
		k.since, k.heard = version, version
	}
	return answered
}

// Preferred takes the news that a user wants a room shown in another way, as of this rev of their preferences. The rest as
// Changed.
func (c *Cache) Preferred(in ids.Room, who ids.User, rev uint32) (answered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for r := range c.reads {
		r.changed[who] = struct{}{}
	}
	u, ok := c.users.Get(who)
	if !ok || !slices.ContainsFunc(u.rooms, func(m member) bool { return m.room == in && m.preferencesRev() < rev }) {
		return false
	}
	c.users.Remove(who)
	return time.Since(u.served) < late
}

// has reports whether a change is in what was read of the user.
func (u *user) has(in ids.Room, version uint32, as role.Role) bool {
	i := slices.IndexFunc(u.rooms, func(m member) bool { return m.room == in })
	if i < 0 {
		return as == role.None
	}
	return u.rooms[i].version >= version
}

// Clear forgets everything: something may have changed without being heard.
func (c *Cache) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users.Clear()
	c.rooms.Clear()
	for r := range c.reads {
		r.void = true
	}
}
