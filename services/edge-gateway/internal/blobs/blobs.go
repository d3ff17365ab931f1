// Package blobs keeps the bytes of uploaded files: in a directory that all gateways share, or in a bucket of S3 or of what speaks
// its protocol. What they are, and who may have them, message-store knows.
package blobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	_ "gocloud.dev/blob/s3blob" // s3:// URLs
	"gocloud.dev/gcerrors"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
)

const (
	// partSize and parts are what a writer to S3 holds in memory. 5 MiB is the least that S3 takes.
	partSize, parts = 5 << 20, 1
	// abandonedAfter is how old a temporary file is that nobody writes any more.
	abandonedAfter = 24 * time.Hour
	// reachTimeout is how long a bucket may take to answer at start.
	reachTimeout = 10 * time.Second
)

// Key names the bytes of a file. The first part spreads them over directories: the end of an id is random.
func Key(id ids.File) string {
	s := id.String()
	return s[len(s)-2:] + "/" + s
}

// ThumbnailKey names those of its thumbnail.
func ThumbnailKey(id ids.File) string { return Key(id) + ".thumbnail" }

// Store is a directory or a bucket. It is safe for concurrent use.
type Store struct {
	bucket *blob.Bucket
	dir    string // empty: it is none
}

// Open opens what a URL names: file:///a/directory, which is made, or s3://bucket?… with the parameters of gocloud.dev/blob/s3blob.
// One that is not there is an error; one that does not answer, a warning.
func Open(ctx context.Context, rawURL string, log *slog.Logger) (*Store, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("not a URL") // the parser's error quotes it, with the secrets that may be in it
	}
	switch {
	case u.Scheme == "file" && u.Host == "" && u.Path != "" && u.RawQuery == "":
		return OpenDir(u.Path)
	case u.Scheme == "s3" && u.Host != "":
	default:
		return nil, errors.New("neither file:///a/directory nor s3://bucket?region=…")
	}
	bucket, err := blob.OpenBucket(ctx, rawURL)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	switch there, err := bucket.IsAccessible(ctx); {
	case err != nil:
		log.Warn("the bucket for files does not answer: nothing can be uploaded or downloaded until it does", "error", err)
	case !there:
		return nil, errors.Join(fmt.Errorf("there is no bucket %s", u.Host), bucket.Close())
	}
	return &Store{bucket: bucket}, nil
}

// OpenDir opens a directory, makes it if it is missing, and removes what writers left in it that were killed.
func OpenDir(dir string) (*Store, error) {
	const mode = 0o700
	bucket, err := fileblob.OpenBucket(dir, &fileblob.Options{
		CreateDir: true, DirFileMode: mode, NoTempDir: true, Metadata: fileblob.MetadataDontWrite,
	})
	if err != nil {
		return nil, err
	}
	if err := removeAbandoned(dir, time.Now().Add(-abandonedAfter)); err != nil {
		return nil, errors.Join(err, bucket.Close())
	}
	return &Store{bucket: bucket, dir: dir}, nil
}

// removeAbandoned removes temporary files, which fileblob names so, that were not written to since a time.
func removeAbandoned(dir string, since time.Time) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".tmp") {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.ModTime().Before(since) {
			err = os.Remove(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // another gateway did
		}
		return err
	})
}

// Close releases the store. No other method may be running.
func (s *Store) Close() error { return s.bucket.Close() }

// Put keeps what r reads under a key, all of it, on disk, or nothing, and returns how many bytes that was. The error is that of
// r, or Unavailable.
func (s *Store) Put(ctx context.Context, key string, r io.Reader) (n int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var file *os.File
	w, err := s.bucket.NewWriter(ctx, key, &blob.WriterOptions{
		ContentType: "application/octet-stream", BufferSize: partSize, MaxConcurrency: parts,
		BeforeWrite: func(as func(any) bool) error { as(&file); return nil },
	})
	if err != nil {
		return 0, unavailable("blobs.Put", err)
	}
	from := &source{r: r}
	n, err = io.Copy(struct{ io.Writer }{w}, from) // plain writes: a writer that reads by itself ends with what it got when r fails
	if err == nil && file != nil {
		err = file.Sync()
	}
	if err != nil {
		cancel() // so that Close throws it away
		_ = w.Close()
		if from.err != nil {
			return n, from.err
		}
		return n, unavailable("blobs.Put", err)
	}
	if err := w.Close(); err != nil {
		return n, unavailable("blobs.Put", err)
	}
	return n, s.syncDir(key)
}

// source remembers the error of its reader: who copies cannot tell it from the writer's.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// syncDir makes a new name in a directory last.
func (s *Store) syncDir(key string) error {
	if s.dir == "" {
		return nil
	}
	d, err := os.Open(filepath.Join(s.dir, filepath.Dir(filepath.FromSlash(key))))
	if err != nil {
		return unavailable("blobs.syncDir", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return unavailable("blobs.syncDir", err)
	}
	return nil
}

// Get returns what is under a key; close it. NotFound: nothing.
func (s *Store) Get(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	r, err := s.bucket.NewReader(ctx, key, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, fault.New(fault.NotFound, "this file is gone").WithCause("blobs.Get", err)
	}
	if err != nil {
		return nil, unavailable("blobs.Get", err)
	}
	return r, nil
}

// Delete removes what is under a key, if there is anything.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := s.bucket.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return unavailable("blobs.Delete", err)
	}
	return nil
}

func unavailable(op string, err error) error {
	return fault.New(fault.Unavailable, "files are not available right now; try again").WithRetryAfter(time.Second).WithCause(op, err)
}
