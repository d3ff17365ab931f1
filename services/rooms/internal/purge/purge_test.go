package purge

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/testkit"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/rooms/internal/peertest"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
	"github.com/natter-chat/natter/services/rooms/internal/store/sqlite"
)

// More rooms than fit one page are deleted while message-store is away; when it is back each is purged, once.
func TestPurgedWhenItCanBe(t *testing.T) {
	t.Parallel()
	url := testkit.NATS(t)
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rooms.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	peer := peertest.StartPurger(t, url)
	peer.Down.Store(true)
	var deleted []string
	for range page + 5 {
		deleted = append(deleted, deletedRoom(t, st).String())
	}
	s := New(st, rpc.NewClient(peertest.Connect(t, url)), slog.New(slog.DiscardHandler))
	s.interval = time.Millisecond
	s.sweep(t.Context())
	if got, err := st.Unpurged(t.Context(), ids.Room{}, 100); err != nil || len(got) != len(deleted) {
		t.Fatalf("%d to be purged, %v; want %d", len(got), err, len(deleted))
	}

	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.Run(ctx) })
	peer.Down.Store(false)
	deadline, poll := time.After(20*time.Second), time.NewTicker(5*time.Millisecond)
	defer poll.Stop()
	for left := []ids.Room{{}}; len(left) > 0; {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("%v is not purged", left)
		}
		if left, err = st.Unpurged(t.Context(), ids.Room{}, 1); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	running.Wait()
	got := peer.Purged()
	slices.Sort(got)
	if !slices.Equal(got, deleted) {
		t.Errorf("purged %v\nwant %v", got, deleted)
	}
}

// deletedRoom is a room whose log has its deletion.
func deletedRoom(t *testing.T, st store.Store) ids.Room {
	t.Helper()
	owner := ids.New[ids.User]()
	ref := &chatv1.UserRef{Id: owner.String()}
	id := ids.New[ids.Room]()
	now := time.Now().UTC().Truncate(time.Millisecond)
	if _, err := st.Create(t.Context(), room.Room{ID: id, Kind: role.Room, Creator: owner, CreatedAt: now}, room.Place(ref)); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Change(t.Context(), store.By{Room: id, Actor: owner, Target: owner, At: now}, room.Delete(ref)); err != nil {
		t.Fatal(err)
	}
	if err := st.Acked(t.Context(), id, 2); err != nil {
		t.Fatal(err)
	}
	return id
}
