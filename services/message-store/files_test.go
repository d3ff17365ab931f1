package messagestore_test

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
)

// as is a context of a user's requests.
func as(t *testing.T, user ids.User) context.Context {
	t.Helper()
	return rpc.WithCaller(t.Context(), authn.Caller{User: user})
}

// upload makes a file that is ready, as a gateway does. No room: a public picture.
func (w *world) upload(t *testing.T, room string, user int, name string) *chatv1.File {
	t.Helper()
	ctx := as(t, w.members[user])
	id := call[*storev1.CreateFileResponse](t, ctx, w, "CreateFile", &storev1.CreateFileRequest{RoomId: room, Name: name, Size: 100}).GetFileId()
	return call[*chatv1.File](t, ctx, w, "FinishFile", &storev1.FinishFileRequest{
		File: &chatv1.File{Id: id, Size: 90, Type: "image/png", Width: 4, Height: 3, HasThumbnail: true},
	})
}

func (w *world) sendFile(room ids.Room, user int, nonce string, f *chatv1.File) *busv1.Command {
	c := w.message(room, user, nonce, "")
	c.GetMessage().Type, c.GetMessage().FileUrl = "image", "/files/"+f.GetId()
	return c
}

// getFile asks for a file, with the link if there is one.
func (w *world) getFile(ctx context.Context, f *chatv1.File, link *storev1.FileLink) (*storev1.GetFileResponse, error) {
	req := &storev1.GetFileRequest{FileId: f.GetId()}
	if u, err := url.Parse(link.GetUrl()); err == nil && link != nil {
		expires, _ := strconv.ParseUint(u.Query().Get("expires"), 10, 32)
		req.Expires, req.Signature = uint32(expires), u.Query().Get("signature")
	}
	return rpc.Call[*storev1.GetFileResponse](ctx, w.rpc, "message-store", "GetFile", req)
}

func TestFiles(t *testing.T) {
	t.Parallel()
	for name, settings := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			w.start(t, settings(t))
			room := ids.New[ids.Room]()
			author, member, stranger := as(t, w.members[0]), as(t, w.members[1]), as(t, ids.New[ids.User]())
			f := w.upload(t, room.String(), 0, "../cat.png")
			if f.GetName() != "cat.png" || f.GetSize() != 90 || f.GetWidth() != 4 || !f.GetHasThumbnail() {
				t.Fatalf("file %v", f)
			}
			may := func(what string, ctx context.Context, link *storev1.FileLink, want fault.Code) {
				t.Helper()
				res, err := w.getFile(ctx, f, link)
				if fault.CodeOf(err) != want || want == "" && (res.GetFile().GetName() != "cat.png" || res.GetIsPublic()) {
					t.Errorf("%s: %v, %v, want %q", what, res, err, want)
				}
			}
			may("its uploader", author, nil, "")
			may("a member, of what is not sent", member, nil, fault.NotFound)
			for range 2 { // a retry takes it for the same message
				if fault := w.try(t, w.sendFile(room, 0, "n", f)); fault != nil {
					t.Fatal(fault)
				}
			}
			if fault := w.try(t, w.sendFile(room, 0, "again", f)); fault.GetCode() != "conflict" || fault.GetField() != "fileUrl" {
				t.Errorf("sent twice: %v", fault)
			}
			if fault := w.try(t, w.sendFile(room, 1, "m", w.upload(t, room.String(), 0, "a"))); fault.GetCode() != "not_found" {
				t.Errorf("another's file: %v", fault)
			}
			page := call[*storev1.ListMessagesResponse](t, member, w, "ListMessages", &storev1.ListMessagesRequest{RoomId: room.String()})
			if m := page.GetMessages(); len(m) != 1 || m[0].GetFile().GetName() != "cat.png" || m[0].GetFile().GetId() != f.GetId() {
				t.Fatalf("messages %v", m)
			}
			links := call[*storev1.SignFilesResponse](t, member, w, "SignFiles", &storev1.SignFilesRequest{FileIds: []string{f.GetId(), ids.New[ids.File]().String()}}).GetLinks()
			if len(links) != 1 || links[0].GetFileId() != f.GetId() || links[0].GetThumbnailUrl() == "" {
				t.Fatalf("links %v", links)
			}
			if links := call[*storev1.SignFilesResponse](t, stranger, w, "SignFiles", &storev1.SignFilesRequest{FileIds: []string{f.GetId()}}).GetLinks(); len(links) > 0 {
				t.Errorf("a stranger gets the links %v", links)
			}
			forged := &storev1.FileLink{Url: links[0].GetUrl()[:len(links[0].GetUrl())-3] + "AAA"}
			may("a member", member, nil, "")
			may("a stranger", stranger, nil, fault.NotFound)
			may("nobody", t.Context(), nil, fault.Unauthenticated)
			may("nobody, with a link", t.Context(), links[0], "")
			may("a member, with a forged link", member, forged, fault.PermissionDenied)

			if _, err := rpc.Call[*storev1.DeleteFileResponse](author, w.rpc, "message-store", "DeleteFile", &storev1.DeleteFileRequest{FileId: f.GetId()}); fault.CodeOf(err) != fault.Conflict {
				t.Errorf("deleted under its message: %v", err)
			}
			w.do(t, w.deletion(room, 0, "gone", page.GetMessages()[0].GetSeq()))
			w.awaitGarbage(t, f)
			may("a member, of a deleted message's", member, nil, fault.NotFound)
			may("nobody, with a link to it", t.Context(), links[0], fault.NotFound)
			call[*storev1.ForgetFilesResponse](t, t.Context(), w, "ForgetFiles", &storev1.ForgetFilesRequest{FileIds: []string{f.GetId()}})
			if garbage := w.garbage(t); len(garbage) > 0 {
				t.Errorf("garbage after it was forgotten: %v", garbage)
			}
		})
	}
}

func (w *world) deletion(room ids.Room, user int, nonce string, seq uint32) *busv1.Command {
	c := w.message(room, user, nonce, "")
	c.Body = &busv1.Command_Deleted{Deleted: &chatv1.MessageDeleted{Seq: seq}}
	return c
}

func (w *world) garbage(t *testing.T) []string {
	t.Helper()
	return call[*storev1.ListGarbageResponse](t, t.Context(), w, "ListGarbage", &storev1.ListGarbageRequest{Limit: 100}).GetFileIds()
}

// awaitGarbage waits until a file is garbage: in MongoDB, behind the commit.
func (w *world) awaitGarbage(t *testing.T, f *chatv1.File) {
	t.Helper()
	for !slices.Contains(w.garbage(t), f.GetId()) {
		if t.Context().Err() != nil {
			t.Fatal("not garbage")
		}
	}
}

func TestFileLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.start(t, map[string]string{"NATTER_DATA_DIR": t.TempDir(), "NATTER_FILE_QUOTA": "290"})
	room, user, stranger := ids.New[ids.Room]().String(), as(t, w.members[0]), as(t, ids.New[ids.User]())
	create := func(ctx context.Context, req *storev1.CreateFileRequest) error {
		_, err := rpc.Call[*storev1.CreateFileResponse](ctx, w.rpc, "message-store", "CreateFile", req)
		return err
	}
	first := w.upload(t, room, 0, "a")
	w.upload(t, room, 0, "b")
	for name, tt := range map[string]struct {
		err   error
		want  fault.Code
		field string
	}{
		"more than the quota": {create(user, &storev1.CreateFileRequest{RoomId: room, Size: 111}), fault.ResourceExhausted, "body"},
		"no size":             {create(user, &storev1.CreateFileRequest{RoomId: room}), fault.InvalidArgument, "size"},
		"no member":           {create(stranger, &storev1.CreateFileRequest{RoomId: room, Size: 1}), fault.PermissionDenied, ""},
		"no room":             {create(user, &storev1.CreateFileRequest{RoomId: "*", Size: 1}), fault.InvalidArgument, "roomId"},
		"nobody":              {create(t.Context(), &storev1.CreateFileRequest{RoomId: room, Size: 1}), fault.Unauthenticated, ""},
	} {
		if f := fault.From(tt.err); tt.err == nil || f.Code != tt.want || f.Field != tt.field {
			t.Errorf("%s: %v", name, tt.err)
		}
	}
	call[*storev1.DeleteFileResponse](t, user, w, "DeleteFile", &storev1.DeleteFileRequest{FileId: first.GetId()})
	w.upload(t, room, 0, "c") // there is space again
	avatar := w.upload(t, "", 0, "me")
	res, err := w.getFile(t.Context(), avatar, nil)
	if err != nil || !res.GetIsPublic() {
		t.Errorf("a picture for anybody: %v, %v", res, err)
	}
	ids101 := make([]string, 101)
	for _, list := range [][]string{nil, ids101, {"x"}} {
		_, err := rpc.Call[*storev1.SignFilesResponse](user, w.rpc, "message-store", "SignFiles", &storev1.SignFilesRequest{FileIds: list})
		if f := fault.From(err); f.Code != fault.InvalidArgument || f.Field != "fileIds" {
			t.Errorf("%d ids: %v", len(list), err)
		}
	}
}

// Two instances, two connections: of all who send one file, one gets it into the log.
func TestOneMessagePerFile(t *testing.T) {
	t.Parallel()
	w, dir := newWorld(t, 1), t.TempDir()
	w.start(t, map[string]string{"NATTER_DATA_DIR": dir})
	w.start(t, map[string]string{"NATTER_DATA_DIR": dir})
	room := ids.New[ids.Room]()
	f := w.upload(t, room.String(), 0, "a")
	outcomes := make([]*busv1.Fault, 8)
	var done sync.WaitGroup
	for i := range outcomes {
		done.Go(func() { outcomes[i] = w.try(t, w.sendFile(room, 0, strconv.Itoa(i), f)) })
	}
	done.Wait()
	sent := 0
	for _, fault := range outcomes {
		switch {
		case fault == nil:
			sent++
		case fault.GetCode() != "conflict":
			t.Error(fault)
		}
	}
	page := call[*storev1.ListMessagesResponse](t, as(t, w.members[0]), w, "ListMessages", &storev1.ListMessagesRequest{RoomId: room.String()})
	if sent != 1 || len(page.GetMessages()) != 1 {
		t.Errorf("%d acks, %d messages", sent, len(page.GetMessages()))
	}
}
