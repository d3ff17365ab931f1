// Package markers remembers how far users have read, so that those who come back all at once do not ask the database.
//
// A marker moves forward unless its rev goes up, so of two news of one the later is known by what they say, in whatever
// order they come. Every instance hears of the moves that another makes (natter.user.<user>.event); what the bus loses is
// believed for as long as keep, and is harmless: a user sees something as unread that they have read.
package markers

import (
	"context"
	"sync"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/lru"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// keep is how long a marker is believed. Gateways read those of connected users again every 10 minutes, at the latest, so
// whoever is connected is remembered all the time.
const keep = 15 * time.Minute

// Store is where markers are.
type Store interface {
	Markers(ctx context.Context, readers []store.Reader) (map[store.Reader]store.Marker, error)
	MoveMarkers(ctx context.Context, moves []store.Move) ([]store.Moved, error)
}

// Cache is the memory: of markers of rooms, not of threads, and of their Seq, Ordinal, Rev and Held. It is safe for concurrent
// use.
type Cache struct {
	store Store

	mu    sync.Mutex
	users *lru.Cache[ids.User, map[ids.Room]marker]
	reads map[*read]struct{} // under way
}

type marker struct {
	store.Marker
	read int64 // when, in Unix nanoseconds
}

// read is a query under way, and what makes its result too old.
type read struct {
	moved map[store.Reader]store.Marker
	void  bool
}

// New returns a cache of about this many bytes. Follow makes it hear of moves.
func New(st Store, bytes int) *Cache {
	return &Cache{store: st, users: lru.New[ids.User, map[ids.Room]marker](bytes), reads: map[*read]struct{}{}}
}

// Remembered returns markers from memory, and reads those that are not there from the store, at once.
func (c *Cache) Remembered(ctx context.Context, readers []store.Reader) (map[store.Reader]store.Marker, error) {
	found := make(map[store.Reader]store.Marker, len(readers))
	var missing []store.Reader
	oldest := time.Now().Add(-keep).UnixNano()
	c.mu.Lock()
	for _, r := range readers {
		rooms, _ := c.users.Get(r.User)
		if m, ok := rooms[r.Room]; ok && m.read > oldest && r.Thread == 0 {
			found[r] = m.Marker
		} else {
			missing = append(missing, r)
		}
	}
	c.mu.Unlock()
	return found, c.fill(ctx, found, missing)
}

// Read returns markers from the store, and remembers them.
func (c *Cache) Read(ctx context.Context, readers []store.Reader) (map[store.Reader]store.Marker, error) {
	found := make(map[store.Reader]store.Marker, len(readers))
	return found, c.fill(ctx, found, readers)
}

// fill reads what is missing.
func (c *Cache) fill(ctx context.Context, found map[store.Reader]store.Marker, missing []store.Reader) error {
	if len(missing) == 0 {
		return nil
	}
	began := time.Now().UnixNano()
	r := &read{moved: map[store.Reader]store.Marker{}}
	c.mu.Lock()
	c.reads[r] = struct{}{}
	c.mu.Unlock()
	got, err := c.store.Markers(ctx, missing)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.reads, r)
	if err != nil {
		return err
	}
	for _, who := range missing {
		m := got[who]
		if moved := r.moved[who]; m.Before(moved) {
			m = moved
		}
		found[who] = m
		if !r.void && who.Thread == 0 {
			c.remember(who, marker{m, began})
		}
	}
	return nil
}

// remember keeps a marker. c.mu is held.
func (c *Cache) remember(who store.Reader, m marker) {
	rooms, ok := c.users.Get(who.User)
	if !ok {
		rooms = make(map[ids.Room]marker, 1)
	}
	rooms[who.Room] = m
	const perMarker = 80
	c.users.Put(who.User, rooms, len(rooms)*perMarker)
}

// MoveMarkers moves markers in the store, and remembers where they are now.
func (c *Cache) MoveMarkers(ctx context.Context, moves []store.Move) ([]store.Moved, error) {
	moved, err := c.store.MoveMarkers(ctx, moves)
	for _, m := range moved {
		c.Moved(m.Reader, m.Marker)
	}
	if err != nil { // others may have moved as well
		c.forget(moves)
	}
	return moved, err
}

// Moved takes the news that a marker has moved.
func (c *Cache) Moved(who store.Reader, to store.Marker) {
	if who.Thread != 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for r := range c.reads {
		if r.moved[who].Before(to) {
			r.moved[who] = to
		}
	}
	rooms, _ := c.users.Get(who.User)
	if m, ok := rooms[who.Room]; ok && m.Before(to) {
		m.Marker = to
		rooms[who.Room] = m
	}
}

// forget drops the users of these moves.
func (c *Cache) forget(moves []store.Move) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range moves {
		c.users.Remove(m.User)
	}
	c.voidReads()
}

// Clear forgets everything: markers may have moved without being heard.
func (c *Cache) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users.Clear()
	c.voidReads()
}

func (c *Cache) voidReads() {
	for r := range c.reads {
		r.void = true
	}
}
