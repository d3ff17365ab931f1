// Package upload takes files from users: it moves their bytes from a request into the store of blobs, finds out what they are,
// and tells message-store. In the background it removes the bytes that message-store calls garbage.
//
//	request ─▶ slot ─▶ CreateFile (may they? quota) ─▶ blobs.Put (limit) ─▶ type, size and thumbnail of an image ─▶ FinishFile ─▶ File
//
// What goes wrong on the way takes everything back. What cannot be taken back is garbage a day later.
package upload

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gabriel-vasile/mimetype"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/config"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/edge-gateway/internal/blobs"
	"github.com/natter-chat/natter/services/edge-gateway/internal/picture"
)

// Config is the settings of files.
type Config struct {
	URL       string        `env:"NATTER_FILES_URL" help:"where uploaded files are: file:///a/directory that all gateways share, or s3://bucket?region=…; empty: the directory files in NATTER_DATA_DIR"`
	DataDir   string        `env:"NATTER_DATA_DIR" envDefault:"./data" help:"directory of the SQLite files, and of uploaded ones"`
	MaxBytes  config.Bytes  `env:"NATTER_FILE_BYTES" envDefault:"25MiB" help:"largest file, up to 2GiB"`
	MaxPixels int           `env:"NATTER_IMAGE_PIXELS" envDefault:"25000000" help:"pixels of the largest image that gets a thumbnail; making it takes up to 20 bytes of memory for each"`
	Uploads   int           `env:"NATTER_FILE_UPLOADS" envDefault:"64" help:"uploads at the same time, of one gateway; into S3, each takes some 10 MiB of memory"`
	Stall     time.Duration `env:"NATTER_FILE_STALL" envDefault:"30s" help:"how long an upload may bring nothing, and a download be taken nothing from, before it ends"`
	Sweep     time.Duration `env:"NATTER_FILES_SWEEP" envDefault:"5m" help:"time between removals of files that are deleted"`
}

const (
	// MaxAvatar is how large the picture of a user or a room may be that is uploaded: it is stored much smaller.
	MaxAvatar = 2 << 20
	// maxBytes is the largest that a size may be set to.
	maxBytes = 2 << 30
	// maxOfUser is how many uploads one user may have under way at a gateway.
	maxOfUser = 8
	// sniffed is how much of a file says what it is.
	sniffed = 3072
	// undoTimeout bounds taking a failed upload back: who sent it has gone.
	undoTimeout = 10 * time.Second
)

// Causes of faults that a request answers in its own way.
var (
	ErrTooLarge = errors.New("too large")
	ErrCutOff   = errors.New("cut off")
)

// Caller calls methods of message-store: an *rpc.Client.
type Caller interface {
	Call(ctx context.Context, service, method string, req, res proto.Message) error
}

// Service takes and gives files. It is safe for concurrent use.
type Service struct {
	cfg      Config
	blobs    *blobs.Store
	pictures *picture.Maker
	caller   Caller
	log      *slog.Logger
	cancel   context.CancelFunc // of the collector
	done     sync.WaitGroup

	mu     sync.Mutex
	all    int
	ofUser map[ids.User]int
}

// New opens the store of blobs and begins to collect garbage. Stop it with Close.
func New(ctx context.Context, cfg Config, caller Caller, log *slog.Logger) (*Service, error) {
	switch {
	case cfg.MaxBytes < 1 || cfg.MaxBytes > maxBytes:
		return nil, errors.New("NATTER_FILE_BYTES: must be 1 byte to 2GiB")
	case cfg.MaxPixels < 0:
		return nil, errors.New("NATTER_IMAGE_PIXELS: must not be below 0")
	case cfg.Uploads < 1:
		return nil, errors.New("NATTER_FILE_UPLOADS: must be at least 1")
	case cfg.Stall <= 0:
		return nil, errors.New("NATTER_FILE_STALL: must be a time above 0")
	case cfg.Sweep <= 0:
		return nil, errors.New("NATTER_FILES_SWEEP: must be a time above 0")
	}
	s := &Service{cfg: cfg, pictures: picture.NewMaker(cfg.MaxPixels), caller: caller, log: log, ofUser: map[ids.User]int{}}
	var err error
	if cfg.URL == "" {
		if s.blobs, err = blobs.OpenDir(filepath.Join(cfg.DataDir, "files")); err != nil {
			return nil, fmt.Errorf("NATTER_DATA_DIR: %w", err)
		}
	} else if s.blobs, err = blobs.Open(ctx, cfg.URL, log); err != nil {
		return nil, fmt.Errorf("NATTER_FILES_URL: %w", err)
	}
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.done.Go(func() { s.collect(ctx) })
	return s, nil
}

// Close ends the collector and releases the store. No other method may be running.
func (s *Service) Close() error {
	s.cancel()
	s.done.Wait()
	return s.blobs.Close()
}

// Stall is how long a request may stand still.
func (s *Service) Stall() time.Duration { return s.cfg.Stall }

// enter takes a slot of a user, until leave.
func (s *Service) enter(user ids.User) (leave func(), err error) {
	const retryAfter = 5 * time.Second
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ofUser[user] >= maxOfUser:
		return nil, fault.New(fault.ResourceExhausted, "you have %d uploads under way; wait for one to end", maxOfUser).WithRetryAfter(retryAfter)
	case s.all >= s.cfg.Uploads:
		return nil, fault.New(fault.Unavailable, "too many files are being uploaded right now; try again").WithRetryAfter(retryAfter)
	}
	s.all++
	s.ofUser[user]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		if s.ofUser[user]--; s.ofUser[user] == 0 {
			delete(s.ofUser, user)
		}
	}, nil
}

// File takes a file that the caller of ctx uploads to a room; length is how many bytes it says it has, below 0: it does not. The
// errors are faults; besides those of message-store, InvalidArgument of the body (ErrTooLarge, ErrCutOff, or it is empty).
func (s *Service) File(ctx context.Context, room, name string, body io.Reader, length int64) (*chatv1.File, error) {
	limit := int64(s.cfg.MaxBytes)
	return s.take(ctx, limit, length, func() (*chatv1.File, error) {
		reserve := length
		if length < 0 {
			reserve = limit
		}
		f := &chatv1.File{}
		return s.store(ctx, &storev1.CreateFileRequest{RoomId: room, Name: name, Size: uint32(reserve)}, f, func(id ids.File) error {
			in := bufio.NewReaderSize(body, sniffed)
			head, err := in.Peek(sniffed)
			if err != nil && !errors.Is(err, io.EOF) {
				return cutOff(err)
			}
			f.Type = typeOf(head)
			n, err := s.blobs.Put(ctx, blobs.Key(id), &limited{in, limit, limit})
			if err != nil {
				return cutOff(err)
			}
			f.Size = uint32(n)
			return s.addPicture(ctx, id, f)
		})
	})
}

// Avatar takes a picture of a user or a room: the middle of an image, as a small square, for everybody to see. Errors as of
// File, and InvalidArgument of a body that is no image.
func (s *Service) Avatar(ctx context.Context, body io.Reader, length int64) (*chatv1.File, error) {
	return s.take(ctx, MaxAvatar, length, func() (*chatv1.File, error) {
		data, err := io.ReadAll(&limited{body, MaxAvatar, MaxAvatar})
		if err != nil {
			return nil, cutOff(err)
		}
		image, err := picture.Open(typeOf(data), bytes.NewReader(data))
		var small []byte
		if err == nil {
			small, err = s.pictures.Avatar(ctx, image, bytes.NewReader(data))
		}
		switch {
		case errors.Is(err, picture.ErrBusy):
			return nil, fault.New(fault.Unavailable, "too many pictures are being made right now; try again").WithRetryAfter(time.Second)
		case err != nil:
			return nil, fault.Invalid("body", "the picture cannot be used: it is %v", err)
		}
		f := &chatv1.File{Type: typeOf(small), Size: uint32(len(small)), Width: picture.AvatarSide, Height: picture.AvatarSide}
		return s.store(ctx, &storev1.CreateFileRequest{Name: "avatar", Size: f.GetSize()}, f, func(id ids.File) error {
			_, err := s.blobs.Put(ctx, blobs.Key(id), bytes.NewReader(small))
			return err
		})
	})
}

// take checks what is known before the first byte, and runs an upload in a slot.
func (s *Service) take(ctx context.Context, limit, length int64, run func() (*chatv1.File, error)) (*chatv1.File, error) {
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case length > limit:
		return nil, tooLarge(limit)
	case length == 0:
		return nil, fault.Invalid("body", "the file is empty")
	}
	leave, err := s.enter(caller.User)
	if err != nil {
		return nil, err
	}
	defer leave()
	return run()
}

// store runs put between CreateFile and FinishFile, and takes everything back if that does not get to its end.
func (s *Service) store(ctx context.Context, as *storev1.CreateFileRequest, f *chatv1.File, put func(ids.File) error) (*chatv1.File, error) {
	created := &storev1.CreateFileResponse{}
	if err := s.call(ctx, "CreateFile", as, created); err != nil {
		return nil, err
	}
	id, err := ids.ParseFile(created.GetFileId())
	if err != nil {
		return nil, fault.E(fault.Internal, "upload.store", err)
	}
	done := false
	defer func() {
		if !done {
			s.undo(ctx, id)
		}
	}()
	if err := put(id); err != nil {
		return nil, err
	}
	if f.Id = id.String(); f.GetSize() == 0 {
		return nil, fault.Invalid("body", "the file is empty")
	}
	finished := &chatv1.File{}
	if err := s.call(ctx, "FinishFile", &storev1.FinishFileRequest{File: f}, finished); err != nil {
		return nil, err
	}
	done = true
	return finished, nil
}

// addPicture says of an image how large it is, and makes its thumbnail. Without one it is a file as any other.
func (s *Service) addPicture(ctx context.Context, id ids.File, f *chatv1.File) error {
	image, err := s.withBlob(ctx, id, func(file io.Reader) (*picture.Image, error) { return picture.Open(f.GetType(), file) })
	if err != nil {
		return skipPicture(ctx, err)
	}
	f.Width, f.Height = uint32(image.Width), uint32(image.Height)
	if !image.NeedsThumbnail() {
		return nil
	}
	var small []byte
	if _, err := s.withBlob(ctx, id, func(file io.Reader) (_ *picture.Image, err error) {
		small, err = s.pictures.Thumbnail(ctx, image, file)
		return nil, err
	}); err != nil {
		return skipPicture(ctx, err)
	}
	_, err = s.blobs.Put(ctx, blobs.ThumbnailKey(id), bytes.NewReader(small))
	f.HasThumbnail = err == nil
	return err
}

// skipPicture is nil if an upload can go on without a picture: not when its sender has gone, or the store has.
func skipPicture(ctx context.Context, err error) error {
	if _, ok := errors.AsType[*fault.Fault](err); ok {
		return err
	}
	return ctx.Err()
}

func (s *Service) withBlob(ctx context.Context, id ids.File, read func(io.Reader) (*picture.Image, error)) (*picture.Image, error) {
	file, err := s.blobs.Get(ctx, blobs.Key(id))
	if err != nil {
		return nil, err
	}
	image, err := read(file)
	_ = file.Close() // it was only read
	return image, err
}

// undo removes what an upload left that failed. What it cannot remove is garbage.
func (s *Service) undo(ctx context.Context, id ids.File) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	if err := errors.Join(
		s.deleteBlobs(ctx, id),
		s.call(ctx, "DeleteFile", &storev1.DeleteFileRequest{FileId: id.String()}, &storev1.DeleteFileResponse{}),
	); err != nil {
		s.log.Warn("a failed upload stays until it is collected", "error", err)
	}
}

func (s *Service) deleteBlobs(ctx context.Context, id ids.File) error {
	return errors.Join(s.blobs.Delete(ctx, blobs.ThumbnailKey(id)), s.blobs.Delete(ctx, blobs.Key(id)))
}

func (s *Service) call(ctx context.Context, method string, req, res proto.Message) error {
	return s.caller.Call(ctx, "message-store", method, req, res)
}

// Open returns a file that the caller of ctx may have, or its thumbnail, and its bytes; close them.
func (s *Service) Open(ctx context.Context, req *storev1.GetFileRequest, thumbnail bool) (*storev1.GetFileResponse, io.ReadSeekCloser, error) {
	res := &storev1.GetFileResponse{}
	if err := s.call(ctx, "GetFile", req, res); err != nil {
		return nil, nil, err
	}
	id, err := ids.ParseFile(res.GetFile().GetId())
	if err != nil {
		return nil, nil, fault.E(fault.Internal, "upload.Open", err)
	}
	key := blobs.Key(id)
	if thumbnail {
		if !res.GetFile().GetHasThumbnail() {
			return nil, nil, fault.New(fault.NotFound, "this file has no thumbnail")
		}
		key = blobs.ThumbnailKey(id)
	}
	file, err := s.blobs.Get(ctx, key)
	return res, file, err
}

// typeOf is the media type of a file that begins so.
func typeOf(head []byte) string {
	is := mimetype.Detect(head).String()
	if is == "image/vnd.mozilla.apng" {
		return "image/png" // it is one, too, and everybody knows what to do with that
	}
	return strings.ToLower(is)
}

func tooLarge(limit int64) error {
	return fault.Invalid("body", "the file is larger than %d bytes", limit).WithCause("upload", ErrTooLarge)
}

// cutOff is what the sender of a body is told that could not be read to its end, or not be kept.
func cutOff(err error) error {
	if _, ok := errors.AsType[*fault.Fault](err); ok {
		return err
	}
	return fault.Invalid("body", "the body ended too early").WithCause("upload", errors.Join(ErrCutOff, err))
}

// limited is a reader that fails, instead of ending, beyond so many bytes.
type limited struct {
	r           io.Reader
	limit, left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, tooLarge(l.limit)
	}
	return n, err
}
