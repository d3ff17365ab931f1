package api

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/store/sqlite"
)

// A day later: what was not sent is garbage, and what was claimed by a message that never came to be.
func TestGarbageOfYesterday(t *testing.T) {
	t.Parallel()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "messages.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	began := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	user, room := ids.New[ids.User](), ids.New[ids.Room]()
	upload := func(at time.Time, nonce string) string {
		f := &store.File{FileInfo: store.FileInfo{ID: ids.New[ids.File](), Size: 1, Type: "image/png"}, User: user, Room: room, ChangedAt: at.UnixMilli()}
		if err := s.CreateFile(t.Context(), f, 0); err != nil {
			t.Fatal(err)
		}
		if err := s.FinishFile(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		if nonce == "" {
			return f.ID.String()
		}
		by := store.NonceKey{Room: room, User: user, Nonce: nonce}
		if lost, err := s.ClaimFiles(t.Context(), []store.Claim{{File: f.ID, By: by}}, at.UnixMilli()); err != nil || len(lost) > 0 {
			t.Fatal(lost, err)
		}
		return f.ID.String()
	}
	later := began.Add(time.Hour)
	unsent, sent, refused := upload(began, ""), upload(began, "sent"), upload(began, "refused")
	upload(later, "")
	upload(later, "not yet")
	if errs := s.Append(t.Context(), []store.Batch{{Room: room, Events: []*store.Event{
		{Room: room, Seq: 1, Ordinal: 1, Kind: store.KindMessage, Actor: store.Actor{User: user}, Nonce: "sent", Type: "image"},
	}}}); errs[0] != nil {
		t.Fatal(errs[0])
	}
	now := began.Add(24*time.Hour - time.Second)
	a := New(Deps{Files: s, Now: func() time.Time { return now }})
	garbage := func() []string {
		res, err := a.ListGarbage(t.Context(), &storev1.ListGarbageRequest{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		return res.GetFileIds()
	}
	if got := garbage(); len(got) > 0 {
		t.Errorf("within a day: %v", got)
	}
	now = now.Add(time.Minute)
	if got := garbage(); len(got) != 2 || !slices.Contains(got, unsent) || !slices.Contains(got, refused) {
		t.Errorf("garbage %v, want %s and %s", got, unsent, refused)
	}
	id, err := ids.ParseFile(sent)
	if err != nil {
		t.Fatal(err)
	}
	files, err := s.Files(t.Context(), []ids.File{id})
	if err != nil || files[id].State != store.FileAttached {
		t.Errorf("the file of a message: %+v, %v", files[id], err)
	}
}
