package room_test

import (
	"testing"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/services/message-store/internal/room"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

func TestWhichFileAMessageMayHave(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(f *store.File)
		none   bool
		want   fault.Code
		field  string
	}{
		"a ready one":         {func(*store.File) {}, false, "", ""},
		"none":                {func(*store.File) {}, true, fault.NotFound, "fileUrl"},
		"another's":           {func(f *store.File) { f.User = ids.New[ids.User]() }, false, fault.NotFound, "fileUrl"},
		"of another room":     {func(f *store.File) { f.Room = ids.New[ids.Room]() }, false, fault.NotFound, "fileUrl"},
		"a public picture":    {func(f *store.File) { f.Room, f.State = ids.Room{}, store.FileAttached }, false, fault.NotFound, "fileUrl"},
		"unfinished":          {func(f *store.File) { f.State = store.FileBegun }, false, fault.NotFound, "fileUrl"},
		"discarded":           {func(f *store.File) { f.State = store.FileDiscarded }, false, fault.NotFound, "fileUrl"},
		"its own, at a retry": {func(f *store.File) { f.State, f.Nonce = store.FileClaimed, "n" }, false, "", ""},
		"another message's":   {func(f *store.File) { f.State, f.Nonce = store.FileClaimed, "other" }, false, fault.Conflict, "fileUrl"},
		"an old message's":    {func(f *store.File) { f.State, f.Nonce = store.FileAttached, "n" }, false, fault.Conflict, "fileUrl"},
		"no image":            {func(f *store.File) { f.Type = "text/html" }, false, fault.InvalidArgument, "type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCast()
			f := &store.File{
				FileInfo: store.FileInfo{ID: ids.New[ids.File](), Name: "a.png", Type: "image/png"}, User: c.users[role.Member], Room: c.room, State: store.FileReady,
			}
			tt.change(f)
			cmd := c.command(role.Member, store.KindMessage, func(e *store.Event) { e.Type, e.Nonce = "image", "n" })
			cmd.File = f.ID
			if !tt.none {
				cmd.Found = f
			}
			verdict, _, refused := c.Decide(cmd, 6000)
			if tt.want == "" {
				if verdict != room.Append || cmd.Event.File == nil || cmd.Event.File.Name != "a.png" {
					t.Errorf("verdict %d, %v, file %+v", verdict, refused, cmd.Event.File)
				}
				return
			}
			if verdict != room.Refused || refused.Code != tt.want || refused.Field != tt.field || cmd.Event.File != nil {
				t.Errorf("verdict %d, %v, want %s of %s", verdict, refused, tt.want, tt.field)
			}
		})
	}
}

func TestMayPost(t *testing.T) {
	t.Parallel()
	c, archived := newCast(), newCastIn(room.Settings{Archived: true})
	for _, tt := range []struct {
		c    *cast
		as   role.Role
		want fault.Code
	}{{c, role.Member, ""}, {c, role.ReadOnly, fault.PermissionDenied}, {c, role.None, fault.PermissionDenied}, {archived, role.Owner, fault.PermissionDenied}} {
		var got fault.Code
		if f := tt.c.MayPost(tt.c.users[tt.as], 6000); f != nil {
			got = f.Code
		}
		if got != tt.want {
			t.Errorf("as %q: %q, want %q", tt.as, got, tt.want)
		}
	}
}
