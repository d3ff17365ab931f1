package rest_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	messagestorev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/edge-gateway/internal/upload"
)

// maxFile is NATTER_FILE_BYTES of these tests.
const maxFile = 300_000

// store is the directory of files, and what message-store knows of them: everybody who is signed in may have them, and who has
// the signature `good`.
type store struct {
	dir string

	mu       sync.Mutex
	files    map[string]*chatv1.File // by id
	rooms    map[string]string
	reserved uint32
	finished error // what FinishFile fails with
	garbage  []string
}

func (s *store) open(t *testing.T, limits upload.Config, caller upload.Caller) *upload.Service {
	t.Helper()
	service, err := upload.New(t.Context(), limits, caller, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := service.Close(); err != nil {
			t.Error(err)
		}
	})
	return service
}

func (s *store) serve(server *rpc.Server) error {
	s.files, s.rooms = map[string]*chatv1.File{}, map[string]string{}
	return errors.Join(
		rpc.Handle(server, "CreateFile", func(_ context.Context, req *messagestorev1.CreateFileRequest) (*messagestorev1.CreateFileResponse, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if req.GetRoomId() == "full" {
				return nil, &fault.Fault{Code: fault.ResourceExhausted, Message: "the quota is used up", Field: "body"}
			}
			id := ids.New[ids.File]().String()
			s.files[id], s.rooms[id], s.reserved = &chatv1.File{Id: id, Name: req.GetName()}, req.GetRoomId(), req.GetSize()
			return &messagestorev1.CreateFileResponse{FileId: id}, nil
		}),
		rpc.Handle(server, "FinishFile", func(_ context.Context, req *messagestorev1.FinishFileRequest) (*chatv1.File, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.finished != nil {
				return nil, s.finished
			}
			f := proto.CloneOf(req.GetFile())
			f.Name = s.files[f.GetId()].GetName()
			s.files[f.GetId()] = f
			return f, nil
		}),
		rpc.Handle(server, "DeleteFile", func(_ context.Context, req *messagestorev1.DeleteFileRequest) (*messagestorev1.DeleteFileResponse, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.files, req.GetFileId())
			return &messagestorev1.DeleteFileResponse{}, nil
		}),
		rpc.Handle(server, "GetFile", func(ctx context.Context, req *messagestorev1.GetFileRequest) (*messagestorev1.GetFileResponse, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			f := s.files[req.GetFileId()]
			res := &messagestorev1.GetFileResponse{File: f, IsPublic: f != nil && s.rooms[f.GetId()] == ""}
			if _, err := rpc.Caller(ctx); err != nil && !res.GetIsPublic() && req.GetSignature() != "good" {
				return nil, err
			}
			if f == nil {
				return nil, fault.New(fault.NotFound, "there is no such file")
			}
			return res, nil
		}),
		rpc.Handle(server, "ListGarbage", func(context.Context, *messagestorev1.ListGarbageRequest) (*messagestorev1.ListGarbageResponse, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return &messagestorev1.ListGarbageResponse{FileIds: s.garbage}, nil
		}),
		rpc.Handle(server, "ForgetFiles", func(_ context.Context, req *messagestorev1.ForgetFilesRequest) (*messagestorev1.ForgetFilesResponse, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, id := range req.GetFileIds() {
				delete(s.files, id)
			}
			s.garbage = nil
			return &messagestorev1.ForgetFilesResponse{}, nil
		}),
	)
}

// known is how many files message-store knows, and stored how many there are in the directory, with thumbnails.
func (s *store) count(t *testing.T) (known, stored int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := filepath.WalkDir(s.dir, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			stored++
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return len(s.files), stored
}
