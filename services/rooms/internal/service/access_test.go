package service

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store/sqlite"
)

// What has expired is removed soon after the start.
func TestCleanUp(t *testing.T) {
	t.Parallel()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rooms.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	owner, limits := ids.New[ids.User](), room.Limits{RoomsPerUser: 10, MembersPerRoom: 10, LinksPerRoom: 10}
	me := &chatv1.UserRef{Id: owner.String()}
	r, err := st.Create(t.Context(), room.Room{ID: ids.New[ids.Room](), Kind: role.Room, Creator: owner, CreatedAt: now()}, limits.Create(me))
	if err != nil {
		t.Fatal(err)
	}
	link := func(expires time.Time) []byte {
		_, hash := room.NewLinkToken()
		l := room.Link{ID: ids.New[ids.RoomLink](), Room: r.ID, By: owner, CreatedAt: now().Add(-time.Hour), ExpiresAt: expires}
		if err := st.MakeLink(t.Context(), l, hash, limits.MakeLink); err != nil {
			t.Fatal(err)
		}
		return hash
	}
	expired, good := link(now().Add(-time.Second)), link(now().Add(time.Hour))

	s := New(st, nil, nil, nil, nil, limits, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	var job sync.WaitGroup
	job.Go(func() { s.CleanUp(ctx) })
	defer job.Wait()
	defer stop()
	deadline := time.Now().Add(20 * time.Second)
	for {
		_, err := st.Link(t.Context(), expired, owner, now())
		if fault.CodeOf(err) == fault.NotFound {
			break
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("the expired link is still there: %v", err)
		}
	}
	if _, err := st.Link(t.Context(), good, owner, now()); err != nil {
		t.Errorf("the good link: %v", err)
	}
}
