// Package storetest is what every engine of the log must do. An engine's test calls Run.
package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// Store is an engine.
type Store interface {
	Append(ctx context.Context, batches []store.Batch) []error
	FindNonces(ctx context.Context, keys []store.NonceKey) (map[store.NonceKey]store.Stored, error)
	Heads(ctx context.Context, rooms []ids.Room) (map[ids.Room]store.Head, error)
	Events(ctx context.Context, room ids.Room, after uint32, limit, maxBytes int) (store.Log, error)
	MessagesBefore(ctx context.Context, room ids.Room, before uint32, limit int) (store.Page, error)
	MessagesAfter(ctx context.Context, room ids.Room, after uint32, limit int) (store.Page, error)
	Pins(ctx context.Context, room ids.Room, before uint32, limit int) (store.Page, error)
	Changes(ctx context.Context, room ids.Room, after, before uint32, limit int) ([]*store.Event, error)
	Save(ctx context.Context, m store.Saved, most int) (isNew bool, err error)
	Unsave(ctx context.Context, user ids.User, m store.Ref) (was bool, err error)
	UnsaveRoom(ctx context.Context, user ids.User, room ids.Room) error
	Saved(ctx context.Context, user ids.User, before ids.Saved, limit int) ([]store.Saved, error)
	EventsAt(ctx context.Context, room ids.Room, seqs []uint32) ([]*store.Event, error)
	RepliesBefore(ctx context.Context, root store.Ref, before uint32, limit int) (store.Page, error)
	RepliesAfter(ctx context.Context, root store.Ref, after uint32, limit int) (store.Page, error)
	Threads(ctx context.Context, room ids.Room, before uint32, limit int) (store.Page, error)
	Targets(ctx context.Context, refs []store.Ref) (map[store.Ref]*store.Message, error)
	Markers(ctx context.Context, readers []store.Reader) (map[store.Reader]store.Marker, error)
	MoveMarkers(ctx context.Context, moves []store.Move) ([]store.Moved, error)
	FollowedThreads(ctx context.Context, user ids.User, before store.ThreadAt, limit int) ([]store.ThreadAt, error)
	LastCalls(ctx context.Context, rooms []ids.Room) (map[ids.Room]uint32, error)
	UnreadMentions(ctx context.Context, readers []store.Unread) (map[store.Reader][]uint32, error)
	Mentions(ctx context.Context, user ids.User, rooms []ids.Room, before store.MentionAt, limit int) ([]store.MentionAt, error)
	Purge(ctx context.Context, room ids.Room) error
	Files
	Rooms(ctx context.Context, after ids.Room, limit int) ([]ids.Room, error)
	Feed(ctx context.Context, room ids.Room, after uint32, limit, maxBytes int) (store.Feed, error)
	Meta(ctx context.Context) (store.Meta, error)
	Ping(ctx context.Context) error
}

// Engine is how the suite gets at an engine.
type Engine struct {
	// Open opens a handle of one database; all handles of one test see the same. It is closed by the test's cleanup.
	Open func(t *testing.T) Store
	// Races says that the engine's unique indexes hold under concurrency, which a stand-in of a database may not promise.
	Races bool
}

// Run runs the suite; fresh returns an engine over a new, empty database.
func Run(t *testing.T, fresh func(t *testing.T) Engine) {
	for name, test := range map[string]func(*testing.T, Engine){
		"append and read back": testReadBack, "heads": testHeads, "conflicts": testConflicts,
		"nonces": testNonces, "log view of what was deleted": testLogView, "log in pages": testLogPages, "events by seq": testEventsAt,
		"pins": testPins, "changes": testChanges, "saved messages": testSaved,
		"history": testHistory, "folding": testFolding, "targets": testTargets,
		"markers": testMarkers, "mark unread": testUnread, "delivered": testDelivered, "movers race": testMoversRace,
		"followers of threads": testFollowers,
		"threads":              testThreads, "purge": testPurge,
		"files": testFiles, "unsent files": testUnsentFiles, "file quota": testFileQuota, "garbage files": testFileGarbage, "files of messages": testFilesOfMessages,
		"unread mentions": testUnreadMentions, "last calls": testLastCalls, "mentions of a user": testMentions,
		"feed": testFeed, "rooms": testRooms,
		"meta": testMeta, "two writers": testTwoWriters, "readers see whole folds": testReadersDuringFolds,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t))
		})
	}
}

// Writer makes the next events of one room.
type Writer struct {
	Room  ids.Room
	Users []ids.User
	head  store.Head
	next  []*store.Event
}

// NewWriter returns a writer of a new room with three users.
func NewWriter() *Writer {
	w := &Writer{Room: ids.New[ids.Room]()}
	for range 3 {
		w.Users = append(w.Users, ids.New[ids.User]())
	}
	return w
}

// Event adds an event by a user of the room; change fills in what its kind needs. It returns the event.
func (w *Writer) Event(kind store.Kind, user int, change func(*store.Event)) *store.Event {
	w.head.Seq++
	w.head.CreatedAt += 1000
	if kind >= store.KindMemberJoined {
		w.head.Version++
	}
	e := &store.Event{
		Room: w.Room, Seq: w.head.Seq, Version: w.head.Version, Kind: kind, CreatedAt: w.head.CreatedAt,
		Actor: store.Actor{User: w.Users[user], Username: fmt.Sprint("user ", user), Avatar: "https://a.example/" + fmt.Sprint(user)},
		Nonce: fmt.Sprint("nonce ", w.head.Seq), Hash: [store.HashSize]byte{byte(w.head.Seq), 0, 0xff},
	}
	if change != nil {
		change(e)
	}
	if kind == store.KindMessage && e.Thread == 0 {
		w.head.Ordinal++
	}
	e.Ordinal = w.head.Ordinal
	w.next = append(w.next, e)
	return e
}

// Post adds a message.
func (w *Writer) Post(user int, content string) *store.Event {
	return w.Event(store.KindMessage, user, func(e *store.Event) { e.Content, e.Type = content, "text" })
}

// Reply adds the message that is the n-th reply in the thread of root.
func (w *Writer) Reply(user int, root *store.Event, n uint32, content string) *store.Event {
	return w.Event(store.KindMessage, user, func(e *store.Event) {
		e.Content, e.Type, e.Thread, e.ThreadOrdinal = content, "text", root.Seq, n
	})
}

// Edit adds an edit of a message by its author.
func (w *Writer) Edit(user int, target *store.Event, content string) *store.Event {
	return w.Event(store.KindEdited, user, func(e *store.Event) { e.Target, e.Content = target.Seq, content })
}

// Delete adds the deletion of a message.
func (w *Writer) Delete(user int, target *store.Event) *store.Event {
	return w.Event(store.KindDeleted, user, func(e *store.Event) { e.Target = target.Seq })
}

// React adds a reaction or its removal.
func (w *Writer) React(user int, target *store.Event, emoji string, removed bool) *store.Event {
	return w.Event(store.KindReaction, user, func(e *store.Event) { e.Target, e.Emoji, e.Removed = target.Seq, emoji, removed })
}

// Pin adds a pin or its removal.
func (w *Writer) Pin(user int, target *store.Event, removed bool) *store.Event {
	return w.Event(store.KindPinned, user, func(e *store.Event) { e.Target, e.Removed = target.Seq, removed })
}

// Batch returns what was added since the last Batch.
func (w *Writer) Batch() store.Batch {
	b := store.Batch{Room: w.Room, Events: w.next}
	w.next = nil
	return b
}

// Store appends what was added since the last Batch.
func (w *Writer) Store(t *testing.T, s Store) {
	t.Helper()
	if errs := s.Append(t.Context(), []store.Batch{w.Batch()}); errs[0] != nil {
		t.Fatalf("Append: %v", errs[0])
	}
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// whole is the log of a room from its beginning.
func whole(t *testing.T, s Store, room ids.Room) store.Log {
	t.Helper()
	return must(s.Events(t.Context(), room, 0, 10_000, 1<<30))(t)
}
