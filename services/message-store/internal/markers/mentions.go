package markers

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/lru"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// maxCallings bounds of how many messages it is remembered whom they call since a while; about 150 bytes each.
const maxCallings = 50_000

// MentionStore is where mentions are.
type MentionStore interface {
	// LastCalls returns the newest message of each of these rooms that calls anybody, or one after it. Rooms without any are
	// left out.
	LastCalls(ctx context.Context, rooms []ids.Room) (map[ids.Room]uint32, error)
	UnreadMentions(ctx context.Context, readers []store.Unread) (map[store.Reader][]uint32, error)
}

// Mentions remembers which messages after their markers call users, for the same reason as Cache does. What was read of a
// user stays as it was, and whom messages call since is kept once for the room: a message that calls everybody in a room
// of thousands is one thing to remember. So is the last message of a room that called anybody: about those who have read
// that far, in most rooms everybody, the store is not asked one by one. Every instance hears what another's append changes
// (natter.mentions.changed). It is safe for concurrent use.
type Mentions struct {
	store MentionStore
	began time.Time

	mu    sync.Mutex
	users *lru.Cache[ids.User, map[ids.Room]unread]
	rooms *lru.Cache[ids.Room, unread] // without seqs: nobody is called after that
	// young and old are whom messages call since a while, each message in one of them; together at least what changed since
	// keep ago. What was read before that is not believed.
	young, old map[ids.Room]map[uint32]calling
	count      int           // of young
	turned     time.Duration // when old was young
	cleared    int           // how often: what is being read meanwhile is not remembered
}

// unread are the messages after a seq that call a user, as of a time since the Mentions began.
type unread struct {
	seqs  []uint32
	after uint32
	read  time.Duration
}

type calling struct {
	store.Calling
	at time.Duration
}

// NewMentions returns a memory of about this many bytes.
func NewMentions(st MentionStore, bytes int) *Mentions {
	const share = 8 // of the rooms: there are fewer of them, with less to remember
	m := &Mentions{
		store: st, began: time.Now(), users: lru.New[ids.User, map[ids.Room]unread](bytes - bytes/share), rooms: lru.New[ids.Room, unread](bytes / share),
	}
	m.clear()
	return m
}

// Remembered returns how many messages up to the head call these readers after their markers: from memory, and for those
// of whom it has nothing from the store, at once. Readers without any are left out. The heads are not older than asOf.
func (m *Mentions) Remembered(ctx context.Context, readers []store.Behind, asOf time.Time) (map[store.Reader]uint32, error) {
	found := map[store.Reader]uint32{}
	missing := m.known(found, readers, asOf)
	if len(missing) == 0 {
		return found, nil
	}
	asked, err := m.readRooms(ctx, missing)
	if err != nil {
		return nil, err
	}
	if asked {
		missing = m.known(found, missing, asOf)
	}
	return found, m.read(ctx, found, missing)
}

// Read is Remembered that asks the store about everybody whose marker is behind the head, and remembers it.
func (m *Mentions) Read(ctx context.Context, readers []store.Behind, asOf time.Time) (map[store.Reader]uint32, error) {
	found := map[store.Reader]uint32{}
	var behind, rest []store.Behind
	for _, r := range readers {
		if r.Read < r.Head {
			behind = append(behind, r)
		} else {
			rest = append(rest, r)
		}
	}
	m.known(found, rest, asOf)
	return found, m.read(ctx, found, behind)
}

// known counts from memory, and returns those of whom it has nothing.
func (m *Mentions) known(counts map[store.Reader]uint32, readers []store.Behind, asOf time.Time) (missing []store.Behind) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Since(m.began)
	for _, r := range readers {
		ofUser, _ := m.users.Get(r.User)
		u, ok := ofUser[r.Room]
		isKnown := ok && u.covers(r.Read, now)
		if r.Head <= r.Read {
			if !isKnown { // there is nothing, and so it needs no reading later on
				m.remember(r.Reader, unread{after: r.Read, read: asOf.Sub(m.began)})
			}
			continue
		}
		if !isKnown {
			u, ok = m.rooms.Get(r.Room)
			isKnown = ok && u.covers(r.Read, now)
		}
		if isKnown {
			m.add(counts, r, u)
		} else {
			missing = append(missing, r)
		}
	}
	return missing
}

// covers reports whether u says what there is after a seq.
func (u *unread) covers(seq uint32, now time.Duration) bool {
	return u.after <= seq && now-u.read <= keep
}

// readRooms reads the last calls of the rooms of readers that are not remembered; not asked: they all are.
func (m *Mentions) readRooms(ctx context.Context, readers []store.Behind) (asked bool, err error) {
	var ask []ids.Room
	m.mu.Lock()
	began, cleared := time.Since(m.began), m.cleared
	seen := map[ids.Room]struct{}{}
	for _, r := range readers {
		if _, again := seen[r.Room]; again {
			continue
		}
		seen[r.Room] = struct{}{}
		if u, ok := m.rooms.Get(r.Room); !ok || began-u.read > keep {
			ask = append(ask, r.Room)
		}
	}
	m.mu.Unlock()
	if len(ask) == 0 {
		return false, nil
	}
	last, err := m.store.LastCalls(ctx, ask)
	if err != nil {
		return true, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cleared == cleared {
		for _, room := range ask {
			m.rooms.Put(room, unread{after: last[room], read: began}, perRoom)
		}
	}
	return true, nil
}

// read asks the store, at once, and remembers what it says.
func (m *Mentions) read(ctx context.Context, counts map[store.Reader]uint32, readers []store.Behind) error {
	if len(readers) == 0 {
		return nil
	}
	ask := make([]store.Unread, len(readers))
	for i, r := range readers {
		ask[i] = store.Unread{Reader: r.Reader, After: r.Read}
	}
	m.mu.Lock()
	began, cleared := time.Since(m.began), m.cleared
	m.mu.Unlock()
	got, err := m.store.UnreadMentions(ctx, ask)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range readers {
		u := unread{seqs: got[r.Reader], after: r.Read, read: began}
		m.add(counts, r, u)
		if m.cleared == cleared {
			m.remember(r.Reader, u)
		}
	}
	return nil
}

// What is remembered takes about so many bytes: for a room, and for a message that calls a user.
const perRoom, perSeq = 64, 4

// remember keeps what was read of a user. m.mu is held.
func (m *Mentions) remember(who store.Reader, u unread) {
	rooms, ok := m.users.Get(who.User)
	if !ok {
		rooms = make(map[ids.Room]unread, 1)
	}
	rooms[who.Room] = u
	size := 0
	for _, u := range rooms {
		size += perRoom + perSeq*len(u.seqs)
	}
	m.users.Put(who.User, rooms, size)
}

// add counts what was read of a user, and what happened since. m.mu is held.
func (m *Mentions) add(counts map[store.Reader]uint32, r store.Behind, u unread) {
	since := [...]map[uint32]calling{m.young[r.Room], m.old[r.Room]}
	n := uint32(0)
	for _, seq := range u.seqs {
		changed := slices.ContainsFunc(since[:], func(of map[uint32]calling) bool { c, ok := of[seq]; return ok && c.at >= u.read })
		if !changed && seq > r.Read && seq <= r.Head {
			n++
		}
	}
	for _, of := range since {
		for seq, c := range of {
			if c.at >= u.read && seq > r.Read && seq <= r.Head && c.Calls(r.User) {
				n++
			}
		}
	}
	if n > 0 {
		counts[r.Reader] = min(n, store.MaxUnreadMentions)
	}
}

// Changed takes the news of whom a message calls now. Of two of one message the later event's counts, in whatever order
// they come.
func (m *Mentions) Changed(c store.Calling) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Since(m.began)
	if now-m.turned > keep {
		m.old, m.young, m.count, m.turned = m.young, map[ids.Room]map[uint32]calling{}, 0, now
	}
	if m.count >= maxCallings {
		m.clear() // the store knows
	}
	for _, of := range [...]map[uint32]calling{m.young[c.Room], m.old[c.Room]} {
		if was, ok := of[c.Seq]; ok && was.AsOf >= c.AsOf {
			return
		}
	}
	delete(m.old[c.Room], c.Seq)
	if m.young[c.Room] == nil {
		m.young[c.Room] = map[uint32]calling{}
	}
	m.young[c.Room][c.Seq] = calling{c, now}
	m.count++
}

// Clear forgets everything: something may have changed without being heard.
func (m *Mentions) Clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clear()
}

// clear is Clear; m.mu is held.
func (m *Mentions) clear() {
	m.users.Clear()
	m.rooms.Clear()
	m.young, m.old, m.count = map[ids.Room]map[uint32]calling{}, map[ids.Room]map[uint32]calling{}, 0
	m.turned = time.Since(m.began)
	m.cleared++
}
