package api

import (
	"context"
	"errors"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/wire"
)

const (
	// maxMediaType bounds what a gateway says of a content.
	maxMediaType = 255
	// unsentFor is how long an upload may take, and then wait to be sent.
	unsentFor = 24 * time.Hour
	// maxGarbage is how many files one answer has, or one request forgets.
	maxGarbage = 1000
)

// Files is what the rpc needs of the store for uploaded files.
type Files interface {
	CreateFile(ctx context.Context, f *store.File, quota int64) error
	FinishFile(ctx context.Context, f *store.File) error
	Files(ctx context.Context, list []ids.File) (map[ids.File]*store.File, error)
	SettleFile(ctx context.Context, id ids.File) error
	DiscardFile(ctx context.Context, id ids.File, now int64) error
	DiscardUnsent(ctx context.Context, id ids.File, user ids.User, now int64) (was bool, err error)
	ExpireFiles(ctx context.Context, before, now int64) error
	FilesIn(ctx context.Context, state store.FileState, before int64, limit int) ([]*store.File, error)
	ForgetFiles(ctx context.Context, list []ids.File) error
	FindNonces(ctx context.Context, keys []store.NonceKey) (map[store.NonceKey]store.Stored, error)
}

func noFile() *fault.Fault {
	return &fault.Fault{Code: fault.NotFound, Message: "there is no such file", Field: "fileId"}
}

func parseFile(s, field string) (ids.File, error) {
	id, err := ids.ParseFile(s)
	if err != nil {
		return id, fault.Invalid(field, "%v", err)
	}
	return id, nil
}

// CreateFile reserves a file's bytes in its uploader's quota.
func (a *API) CreateFile(ctx context.Context, req *storev1.CreateFileRequest) (*storev1.CreateFileResponse, error) {
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return nil, err
	}
	f := &store.File{
		FileInfo: store.FileInfo{ID: ids.New[ids.File](), Name: cleanName(req.GetName()), Size: req.GetSize()},
		User:     caller.User, State: store.FileBegun, ChangedAt: a.Now().UnixMilli(),
	}
	if f.Size == 0 {
		return nil, fault.Invalid("size", "is missing")
	}
	if req.GetRoomId() != "" {
		if f.Room, err = parseRoom(req.GetRoomId()); err != nil {
			return nil, err
		}
		heads, err := a.Log.Heads(ctx, []ids.Room{f.Room})
		if err != nil {
			return nil, err
		}
		if err := a.Pipeline.MayPost(ctx, f.Room, caller.User, heads[f.Room].Version); err != nil {
			return nil, err
		}
	}
	switch err := a.Files.CreateFile(ctx, f, a.FileQuota); {
	case errors.Is(err, store.ErrQuota):
		return nil, &fault.Fault{Code: fault.ResourceExhausted, Message: "your files would take more space than you have; delete some messages with files first", Field: "body"}
	case err != nil:
		return nil, err
	}
	return &storev1.CreateFileResponse{FileId: f.ID.String()}, nil
}

// FinishFile makes a file of the caller one that can be sent.
func (a *API) FinishFile(ctx context.Context, req *storev1.FinishFileRequest) (*chatv1.File, error) {
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return nil, err
	}
	is := req.GetFile()
	id, err := parseFile(is.GetId(), "file.id")
	if err != nil {
		return nil, err
	}
	if n := len(is.GetType()); n == 0 || n > maxMediaType {
		return nil, fault.Invalid("file.type", "must have 1 to %d bytes", maxMediaType)
	}
	f := &store.File{User: caller.User, ChangedAt: a.Now().UnixMilli(), FileInfo: store.FileInfo{
		ID: id, Size: is.GetSize(), Type: is.GetType(), Width: is.GetWidth(), Height: is.GetHeight(), HasThumbnail: is.GetHasThumbnail(),
	}}
	if err := a.Files.FinishFile(ctx, f); err != nil {
		return nil, err
	}
	files, err := a.Files.Files(ctx, []ids.File{id})
	if err != nil {
		return nil, err
	}
	if files[id] == nil {
		return nil, noFile()
	}
	return wire.File(&files[id].FileInfo), nil
}

// GetFile returns a file to somebody who may have it.
func (a *API) GetFile(ctx context.Context, req *storev1.GetFileRequest) (*storev1.GetFileResponse, error) {
	id, err := parseFile(req.GetFileId(), "fileId")
	if err != nil {
		return nil, err
	}
	files, err := a.Files.Files(ctx, []ids.File{id})
	if err != nil {
		return nil, err
	}
	f := files[id]
	if !exists(f) {
		f = nil
	}
	res := &storev1.GetFileResponse{IsPublic: f != nil && f.Room.IsZero()}
	switch {
	case res.GetIsPublic():
	case req.GetSignature() != "":
		if !a.links.vouch(id, req.GetExpires(), req.GetSignature(), a.Now()) {
			return nil, fault.New(fault.PermissionDenied, "this link is not good any more; ask for another one")
		}
		if f == nil {
			return nil, noFile()
		}
	default:
		caller, err := rpc.Caller(ctx)
		if err != nil {
			return nil, err
		}
		may, err := a.mayHave(ctx, f, caller.User, map[ids.Room]bool{})
		if err != nil {
			return nil, err
		}
		if !may {
			return nil, noFile()
		}
	}
	res.File = wire.File(&f.FileInfo)
	return res, nil
}

// exists reports whether a file has its bytes, and is to keep them.
func exists(f *store.File) bool {
	return f != nil && f.State != store.FileBegun && f.State != store.FileDiscarded
}

// mayHave reports whether a user may have a file. In says of rooms whether they are a member of it, and learns.
func (a *API) mayHave(ctx context.Context, f *store.File, user ids.User, in map[ids.Room]bool) (bool, error) {
	switch {
	case !exists(f), f.State == store.FileReady && f.User != user:
		return false, nil
	case f.Room.IsZero():
		return true, nil
	}
	is, known := in[f.Room]
	if !known {
		switch err := a.member(ctx, f.Room, user); fault.CodeOf(err) {
		case "":
			is = true
		case fault.PermissionDenied, fault.NotFound:
		default:
			return false, err
		}
		in[f.Room] = is
	}
	return is, nil
}

// DeleteFile discards a file of the caller that is in no message.
func (a *API) DeleteFile(ctx context.Context, req *storev1.DeleteFileRequest) (*storev1.DeleteFileResponse, error) {
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return nil, err
	}
	id, err := parseFile(req.GetFileId(), "fileId")
	if err != nil {
		return nil, err
	}
	was, err := a.Files.DiscardUnsent(ctx, id, caller.User, a.Now().UnixMilli())
	if err != nil || was {
		return &storev1.DeleteFileResponse{}, err
	}
	files, err := a.Files.Files(ctx, []ids.File{id})
	if err != nil {
		return nil, err
	}
	if f := files[id]; exists(f) && f.User == caller.User {
		return nil, &fault.Fault{Code: fault.Conflict, Message: "this file is in a message; delete that", Field: "fileId"}
	}
	return nil, noFile()
}

// ListGarbage first makes garbage of what was not sent within a day, and settles what was claimed a day ago: a claim whose
// message did not get into the log after all came to nothing.
func (a *API) ListGarbage(ctx context.Context, req *storev1.ListGarbageRequest) (*storev1.ListGarbageResponse, error) {
	limit := int(req.GetLimit())
	if limit < 1 || limit > maxGarbage {
		return nil, fault.Invalid("limit", "must be 1 to %d", maxGarbage)
	}
	now := a.Now()
	before := now.Add(-unsentFor).UnixMilli()
	if err := a.Files.ExpireFiles(ctx, before, now.UnixMilli()); err != nil {
		return nil, err
	}
	if err := a.settle(ctx, before, now.UnixMilli()); err != nil {
		return nil, err
	}
	garbage, err := a.Files.FilesIn(ctx, store.FileDiscarded, now.UnixMilli()+1, limit)
	if err != nil {
		return nil, err
	}
	res := &storev1.ListGarbageResponse{}
	for _, f := range garbage {
		res.FileIds = append(res.FileIds, f.ID.String())
	}
	return res, nil
}

// settle decides about files that were claimed before a time.
func (a *API) settle(ctx context.Context, before, now int64) error {
	claimed, err := a.Files.FilesIn(ctx, store.FileClaimed, before, maxPage)
	if err != nil || len(claimed) == 0 {
		return err
	}
	keys := make([]store.NonceKey, len(claimed))
	for i, f := range claimed {
		keys[i] = f.Message()
	}
	stored, err := a.Files.FindNonces(ctx, keys)
	if err != nil {
		return err
	}
	for _, f := range claimed {
		if _, sent := stored[f.Message()]; sent {
			err = a.Files.SettleFile(ctx, f.ID)
		} else {
			err = a.Files.DiscardFile(ctx, f.ID, now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ForgetFiles forgets garbage whose bytes are gone.
func (a *API) ForgetFiles(ctx context.Context, req *storev1.ForgetFilesRequest) (*storev1.ForgetFilesResponse, error) {
	if len(req.GetFileIds()) > maxGarbage {
		return nil, fault.Invalid("fileIds", "are more than %d", maxGarbage)
	}
	list := make([]ids.File, len(req.GetFileIds()))
	for i, text := range req.GetFileIds() {
		var err error
		if list[i], err = parseFile(text, "fileIds"); err != nil {
			return nil, err
		}
	}
	return &storev1.ForgetFilesResponse{}, a.Files.ForgetFiles(ctx, list)
}
