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
	UnreadMentions(ctx context.Context, readers []store.Unread) (map[store.Reader][]uint32, error)
}

// Mentions remembers which messages after their markers call users, for the same reason as Cache does. What was read of a
// user stays as it was, and whom messages call since is kept once for the room: a message that calls everybody in a room
// of thousands is one thing to remember. Every instance hears what another's append changes (natter.mentions.changed). It
// is safe for concurrent use.
type Mentions struct {
	store MentionStore
	began time.Time

	mu    sync.Mutex
	users *lru.Cache[ids.User, map[ids.Room]unread]
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
	m := &Mentions{store: st, began: time.Now(), users: lru.New[ids.User, map[ids.Room]unread](bytes)}
	m.clear()
	return m
}

// Remembered returns how many messages up to the head call these readers after their markers: from memory, and for those
// of whom it has nothing from the store, at once. Readers without any are left out. The heads are not older than asOf.
func (m *Mentions) Remembered(ctx context.Context, readers []store.Behind, asOf time.Time) (map[store.Reader]uint32, error) {
	return m.counts(ctx, readers, asOf, false)
}

// Read is Remembered that asks the store about everybody whose marker is behind the head, and remembers it.
func (m *Mentions) Read(ctx context.Context, readers []store.Behind, asOf time.Time) (map[store.Reader]uint32, error) {
	return m.counts(ctx, readers, asOf, true)
}

func (m *Mentions) counts(ctx context.Context, readers []store.Behind, asOf time.Time, again bool) (map[store.Reader]uint32, error) {
	found := map[store.Reader]uint32{}
	var missing []store.Behind
	began := time.Since(m.began)
	m.mu.Lock()
	cleared := m.cleared
	for _, r := range readers {
		rooms, _ := m.users.Get(r.User)
		u, ok := rooms[r.Room]
		known := ok && !again && u.after <= r.Read && began-u.read <= keep
		switch {
		case r.Head <= r.Read && !known: // there is nothing, and so it needs no reading later on
			m.remember(r.Reader, unread{after: r.Read, read: asOf.Sub(m.began)})
		case r.Head <= r.Read:
		case known:
			m.add(found, r, u)
		default:
			missing = append(missing, r)
		}
	}
	m.mu.Unlock()
	if len(missing) == 0 {
		return found, nil
	}
	ask := make([]store.Unread, len(missing))
	for i, r := range missing {
		ask[i] = store.Unread{Reader: r.Reader, After: r.Read}
	}
	got, err := m.store.UnreadMentions(ctx, ask)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range missing {
		u := unread{seqs: got[r.Reader], after: r.Read, read: began}
		m.add(found, r, u)
		if m.cleared == cleared {
			m.remember(r.Reader, u)
		}
	}
	return found, nil
}

// remember keeps what was read of a user. m.mu is held.
func (m *Mentions) remember(who store.Reader, u unread) {
	rooms, ok := m.users.Get(who.User)
	if !ok {
		rooms = make(map[ids.Room]unread, 1)
	}
	rooms[who.Room] = u
	const perRoom, perSeq = 64, 4
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
	m.young, m.old, m.count = map[ids.Room]map[uint32]calling{}, map[ids.Room]map[uint32]calling{}, 0
	m.turned = time.Since(m.began)
	m.cleared++
}
