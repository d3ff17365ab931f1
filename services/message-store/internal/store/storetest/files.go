package storetest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// Files is what an engine does with files.
type Files interface {
	CreateFile(ctx context.Context, f *store.File, quota int64) error
	FinishFile(ctx context.Context, f *store.File) error
	Files(ctx context.Context, list []ids.File) (map[ids.File]*store.File, error)
	ClaimFiles(ctx context.Context, claims []store.Claim, now int64) (lost []store.Claim, err error)
	SettleFile(ctx context.Context, id ids.File) error
	DiscardFile(ctx context.Context, id ids.File, now int64) error
	DiscardUnsent(ctx context.Context, id ids.File, user ids.User, now int64) (was bool, err error)
	ExpireFiles(ctx context.Context, before, now int64) error
	FilesIn(ctx context.Context, state store.FileState, before int64, limit int) ([]*store.File, error)
	ForgetFiles(ctx context.Context, list []ids.File) error
}

// begin keeps a new file of 10 bytes.
func begin(t *testing.T, s Store, user ids.User, room ids.Room, at int64) *store.File {
	t.Helper()
	f := &store.File{FileInfo: store.FileInfo{ID: ids.New[ids.File](), Name: "Katze ☃.png", Size: 10}, User: user, Room: room, State: store.FileBegun, ChangedAt: at}
	if err := s.CreateFile(t.Context(), f, 0); err != nil {
		t.Fatal(err)
	}
	return f
}

// finish makes it ready.
func finish(t *testing.T, s Store, f *store.File, at int64) *store.File {
	t.Helper()
	f.Type, f.Width, f.Height, f.HasThumbnail, f.Size, f.ChangedAt = "image/png", 40, 30, true, 8, at
	if err := s.FinishFile(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if f.State = store.FileReady; f.Room.IsZero() {
		f.State = store.FileAttached
	}
	return f
}

func claim(f *store.File, nonce string) store.Claim {
	return store.Claim{File: f.ID, By: store.NonceKey{Room: f.Room, User: f.User, Nonce: nonce}}
}

func stateOf(t *testing.T, s Store, f *store.File) store.FileState {
	t.Helper()
	if is := must(s.Files(t.Context(), []ids.File{f.ID}))(t)[f.ID]; is != nil {
		return is.State
	}
	return 0
}

func testFiles(t *testing.T, engine Engine) {
	s := engine.Open(t)
	user, room := ids.New[ids.User](), ids.New[ids.Room]()
	f, public := begin(t, s, user, room, 1000), begin(t, s, user, ids.Room{}, 1000)
	check := func(what string, want ...*store.File) {
		t.Helper()
		list := []ids.File{f.ID, public.ID, ids.New[ids.File]()}
		got := must(s.Files(t.Context(), list))(t)
		if len(got) != len(want) {
			t.Errorf("%s: %d files, want %d", what, len(got), len(want))
		}
		for _, w := range want {
			if !reflect.DeepEqual(got[w.ID], w) {
				t.Errorf("%s: %+v, want %+v", what, got[w.ID], w)
			}
		}
	}
	check("begun", f, public)
	stranger := *f
	stranger.User = ids.New[ids.User]()
	if err := s.FinishFile(t.Context(), &stranger); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("finished by another: %v", err)
	}
	finish(t, s, f, 2000)
	finish(t, s, public, 2000)
	check("finished", f, public)
	if err := s.FinishFile(t.Context(), f); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("finished twice: %v", err)
	}

	other, elsewhere, none := claim(f, "a"), claim(f, "a"), claim(f, "a")
	other.By.User, elsewhere.By.Room, none.File = ids.New[ids.User](), ids.New[ids.Room](), ids.New[ids.File]()
	mine, later, avatar := claim(f, "a"), claim(f, "b"), claim(public, "a")
	want := []store.Claim{other, elsewhere, none, later, avatar}
	lost := must(s.ClaimFiles(t.Context(), []store.Claim{other, elsewhere, none, mine, later, avatar, mine}, 3000))(t)
	if !slices.Equal(lost, want) {
		t.Errorf("lost %v, want %v", lost, want)
	}
	f.State, f.Nonce, f.ChangedAt = store.FileClaimed, "a", 3000
	check("claimed", f, public)
	if err := s.SettleFile(t.Context(), f.ID); err != nil {
		t.Fatal(err)
	}
	f.State = store.FileAttached
	check("settled", f, public)
	if lost := must(s.ClaimFiles(t.Context(), []store.Claim{later}, 4000))(t); len(lost) != 1 {
		t.Error("claimed by a second message")
	}
	if was := must(s.DiscardUnsent(t.Context(), f.ID, user, 4000))(t); was {
		t.Error("discarded as unsent what is in a message")
	}
	if err := s.ForgetFiles(t.Context(), []ids.File{f.ID, public.ID}); err != nil {
		t.Fatal(err)
	}
	check("forgotten while it is there", f, public)
	if err := errors.Join(s.DiscardFile(t.Context(), f.ID, 5000), s.SettleFile(t.Context(), f.ID), s.DiscardFile(t.Context(), f.ID, 6000)); err != nil {
		t.Fatal(err)
	}
	f.State, f.ChangedAt = store.FileDiscarded, 5000
	check("discarded", f, public)
	for range 2 {
		if err := s.ForgetFiles(t.Context(), []ids.File{f.ID, public.ID}); err != nil {
			t.Fatal(err)
		}
	}
	check("forgotten", public)
}

// Who may take back what: the uploader, while no message has it.
func testUnsentFiles(t *testing.T, engine Engine) {
	s := engine.Open(t)
	user, room := ids.New[ids.User](), ids.New[ids.Room]()
	begun, ready, claimed, public := begin(t, s, user, room, 1000), begin(t, s, user, room, 1000), begin(t, s, user, room, 1000), begin(t, s, user, ids.Room{}, 1000)
	for _, f := range []*store.File{ready, claimed, public} {
		finish(t, s, f, 1000)
	}
	must(s.ClaimFiles(t.Context(), []store.Claim{claim(claimed, "a")}, 1000))(t)
	for _, tt := range []struct {
		f    *store.File
		user ids.User
		want bool
	}{
		{begun, ids.New[ids.User](), false}, {begun, user, true}, {begun, user, false}, {ready, user, true}, {claimed, user, false}, {public, user, true},
	} {
		if got := must(s.DiscardUnsent(t.Context(), tt.f.ID, tt.user, 2000))(t); got != tt.want {
			t.Errorf("discarded %v, want %v: state %d", got, tt.want, tt.f.State)
		}
	}
	if err := s.FinishFile(t.Context(), begun); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("finished what was discarded: %v", err)
	}
	if lost := must(s.ClaimFiles(t.Context(), []store.Claim{claim(ready, "b")}, 3000))(t); len(lost) != 1 {
		t.Error("claimed what was discarded")
	}
}

func testFileQuota(t *testing.T, engine Engine) {
	s := engine.Open(t)
	user, room := ids.New[ids.User](), ids.New[ids.Room]()
	create := func(user ids.User, size uint32, quota int64) (*store.File, error) {
		f := &store.File{FileInfo: store.FileInfo{ID: ids.New[ids.File](), Size: size}, User: user, Room: room, ChangedAt: 1000}
		return f, s.CreateFile(t.Context(), f, quota)
	}
	first := must(create(user, 60, 100))(t)
	if _, err := create(user, 41, 100); !errors.Is(err, store.ErrQuota) {
		t.Errorf("one byte too much: %v", err)
	}
	must(create(user, 40, 100))(t)
	if _, err := create(user, 1, 100); !errors.Is(err, store.ErrQuota) {
		t.Errorf("full: %v", err)
	}
	must(create(ids.New[ids.User](), 100, 100))(t) // another's quota
	must(create(user, 1000, 0))(t)                 // no quota
	// What is finished takes what it has, and what is discarded nothing.
	first.Size = 10
	if err := s.FinishFile(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	must(create(user, 50, 1100))(t)
	if err := s.DiscardFile(t.Context(), first.ID, 2000); err != nil {
		t.Fatal(err)
	}
	must(create(user, 10, 1100))(t)
	if _, err := create(user, 1, 1100); !errors.Is(err, store.ErrQuota) {
		t.Errorf("full again: %v", err)
	}
	if !engine.Races {
		return
	}
	// Many at once never have more than the quota.
	hurried := ids.New[ids.User]()
	var done sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		done.Go(func() { _, errs[i] = create(hurried, 10, 100) })
	}
	done.Wait()
	stored := 0
	for _, err := range errs {
		switch {
		case err == nil:
			stored++
		case !errors.Is(err, store.ErrQuota):
			t.Error(err)
		}
	}
	if stored > 10 {
		t.Errorf("%d files of 10 bytes in a quota of 100", stored)
	}
}

func testFileGarbage(t *testing.T, engine Engine) {
	s := engine.Open(t)
	user, room := ids.New[ids.User](), ids.New[ids.Room]()
	old := []*store.File{begin(t, s, user, room, 1000), finish(t, s, begin(t, s, user, room, 500), 1001)}
	claimed := finish(t, s, begin(t, s, user, room, 1000), 1000)
	must(s.ClaimFiles(t.Context(), []store.Claim{claim(claimed, "a")}, 1002))(t)
	public := finish(t, s, begin(t, s, user, ids.Room{}, 1000), 1000)
	young := []*store.File{begin(t, s, user, room, 2000), finish(t, s, begin(t, s, user, room, 1000), 2000)}
	if err := s.ExpireFiles(t.Context(), 2000, 3000); err != nil {
		t.Fatal(err)
	}
	for f, want := range map[*store.File]store.FileState{
		old[0]: store.FileDiscarded, old[1]: store.FileDiscarded, claimed: store.FileClaimed, public: store.FileAttached,
		young[0]: store.FileBegun, young[1]: store.FileReady,
	} {
		if got := stateOf(t, s, f); got != want {
			t.Errorf("a file is in state %d, want %d", got, want)
		}
	}
	in := func(state store.FileState, before int64, limit int) (list []ids.File) {
		for _, f := range must(s.FilesIn(t.Context(), state, before, limit))(t) {
			list = append(list, f.ID)
		}
		return list
	}
	if got := in(store.FileClaimed, 1003, 10); !slices.Equal(got, []ids.File{claimed.ID}) {
		t.Errorf("claimed: %v", got)
	}
	if got := in(store.FileClaimed, 1002, 10); len(got) > 0 {
		t.Errorf("claimed before it was: %v", got)
	}
	if got := in(store.FileDiscarded, 4000, 10); len(got) != 2 || !slices.Contains(got, old[0].ID) || !slices.Contains(got, old[1].ID) {
		t.Errorf("garbage: %v", got)
	}
	if got := in(store.FileDiscarded, 4000, 1); len(got) != 1 {
		t.Errorf("%d of at most one", len(got))
	}
}

// A file goes with its message.
func testFilesOfMessages(t *testing.T, engine Engine) {
	s := engine.Open(t)
	w := NewWriter()
	files := make([]*store.File, 3)
	var posts []*store.Event
	for i := range files {
		f := finish(t, s, begin(t, s, w.Users[0], w.Room, 1000), 1000)
		e := w.Event(store.KindMessage, 0, func(e *store.Event) {
			e.Type, e.FileURL, e.File = "image", "/files/"+f.ID.String(), new(f.FileInfo)
		})
		if lost := must(s.ClaimFiles(t.Context(), []store.Claim{claim(f, e.Nonce)}, 2000))(t); len(lost) > 0 {
			t.Fatalf("lost %v", lost)
		}
		files[i], posts = f, append(posts, e)
	}
	w.Post(1, "no file")
	w.Edit(0, posts[0], "a caption")
	w.Delete(0, posts[1])
	w.Store(t, s)

	read := must(s.MessagesBefore(t.Context(), w.Room, 100, 10))(t).Messages
	slices.Reverse(read)
	if len(read) != 4 || !reflect.DeepEqual(read[0].Event.File, &files[0].FileInfo) || !reflect.DeepEqual(read[2].Event.File, &files[2].FileInfo) {
		t.Fatalf("read %d messages, the first with %+v", len(read), read[0].Event.File)
	}
	if read[1].Event.File != nil || read[1].Event.FileURL != "" || read[3].Event.File != nil {
		t.Errorf("a deleted message has the file %+v, one without %+v", read[1].Event.File, read[3].Event.File)
	}
	log := whole(t, s, w.Room).Events
	if !reflect.DeepEqual(log[0].File, &files[0].FileInfo) || log[1].File != nil {
		t.Errorf("in the log: %+v, and of the deleted one %+v", log[0].File, log[1].File)
	}
	for deadline := time.Now().Add(10 * time.Second); stateOf(t, s, files[1]) != store.FileDiscarded; { // MongoDB: behind the commit
		if time.Now().After(deadline) {
			t.Fatal("the file of a deleted message is not garbage")
		}
	}
	if a, b := stateOf(t, s, files[0]), stateOf(t, s, files[2]); a != store.FileClaimed || b != store.FileClaimed {
		t.Errorf("the others are in states %d, %d", a, b)
	}

	unsent, elsewhere := begin(t, s, w.Users[0], w.Room, 1000), begin(t, s, w.Users[0], ids.New[ids.Room](), 1000)
	w.Event(store.KindRoomUpdated, 0, func(e *store.Event) { e.Info = &store.RoomInfo{IsDeleted: true} })
	w.Store(t, s)
	if err := s.Purge(t.Context(), w.Room); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*store.File{files[0], files[1], files[2], unsent} {
		if got := stateOf(t, s, f); got != store.FileDiscarded {
			t.Errorf("a file of a purged room is in state %d", got)
		}
	}
	if got := stateOf(t, s, elsewhere); got != store.FileBegun {
		t.Errorf("a file of another room is in state %d", got)
	}
	for _, e := range whole(t, s, w.Room).Events {
		if e.File != nil {
			t.Errorf("event %d still has the file %+v", e.Seq, e.File)
		}
	}
}
