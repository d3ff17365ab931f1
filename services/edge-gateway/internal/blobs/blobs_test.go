package blobs_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/edge-gateway/internal/blobs"
)

// stores are one of each kind, with what counts the objects in it, temporary ones too.
func stores(t *testing.T) map[string]func(t *testing.T) (s *blobs.Store, count func() int) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	return map[string]func(*testing.T) (*blobs.Store, func() int){
		"directory": func(t *testing.T) (*blobs.Store, func() int) {
			t.Helper()
			dir := filepath.Join(t.TempDir(), "new", "files")
			return open(t, (&url.URL{Scheme: "file", Path: dir}).String()), func() int { return len(files(t, dir)) }
		},
		"S3": func(t *testing.T) (*blobs.Store, func() int) {
			t.Helper()
			backend := s3mem.New()
			if err := backend.CreateBucket("files"); err != nil {
				t.Fatal(err)
			}
			return open(t, s3(t, backend, "files")), func() int {
				list, err := backend.ListBucket("files", &gofakes3.Prefix{}, gofakes3.ListBucketPage{})
				if err != nil {
					t.Fatal(err)
				}
				return len(list.Contents)
			}
		},
	}
}

// s3 serves a backend and returns the URL of a bucket in it.
func s3(t *testing.T, backend gofakes3.Backend, bucket string) string {
	t.Helper()
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	return "s3://" + bucket + "?region=eu-central-1&use_path_style=true&disable_https=true&endpoint=" + url.QueryEscape(server.URL)
}

func open(t *testing.T, url string) *blobs.Store {
	t.Helper()
	s, err := blobs.Open(t.Context(), url, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func files(t *testing.T, dir string) (all []string) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			all = append(all, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

var errBroken = errors.New("broken")

func TestStores(t *testing.T) {
	for name, start := range stores(t) {
		t.Run(name, func(t *testing.T) {
			s, count := start(t)
			key, none := blobs.Key(ids.New[ids.File]()), blobs.Key(ids.New[ids.File]())
			content := bytes.Repeat([]byte("0123456789abcdef"), 400_000) // more than a part of S3
			if n, err := s.Put(t.Context(), key, bytes.NewReader(content)); err != nil || n != int64(len(content)) {
				t.Fatal(n, err)
			}
			r, err := s.Get(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if size, err := r.Seek(0, io.SeekEnd); err != nil || size != int64(len(content)) {
				t.Errorf("size %d, %v", size, err)
			}
			if _, err := r.Seek(-3, io.SeekEnd); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err != nil || string(got) != "def" {
				t.Errorf("%q, %v", got, err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if _, err := s.Get(t.Context(), none); fault.CodeOf(err) != fault.NotFound {
				t.Errorf("nothing: %v", err)
			}
			// Whatever goes wrong: all or nothing.
			before := count()
			for what, size := range map[string]int{"at once": 0, "in the middle": 100_000, "in a later part": len(content)} {
				if _, err := s.Put(t.Context(), none, io.MultiReader(bytes.NewReader(content[:size]), broken{})); !errors.Is(err, errBroken) {
					t.Errorf("broken %s: %v", what, err)
				}
			}
			gone, cancel := context.WithCancel(t.Context())
			if _, err := s.Put(gone, none, io.MultiReader(bytes.NewReader(content[:10]), cancels(cancel), bytes.NewReader(content))); err == nil {
				t.Error("stored for nobody")
			}
			if after := count(); after != before {
				t.Errorf("%d objects, want %d", after, before)
			}
			for range 2 {
				if err := s.Delete(t.Context(), key); err != nil {
					t.Error(err)
				}
			}
			if left := count(); left != 0 {
				t.Errorf("%d objects are left", left)
			}
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }

// cancels is a reader of nothing that cancels a context.
type cancels context.CancelFunc

func (c cancels) Read([]byte) (int, error) { c(); return 0, io.EOF }

func TestWhatCannotBeOpened(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	inTheWay := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{
		"/srv/files", "file://host/srv", "file:///srv?create_dir=1", "file:", "mem://", "http://example.org", "%", "file://" + inTheWay, s3(t, s3mem.New(), "missing"),
	} {
		if s, err := blobs.Open(t.Context(), url, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%s is open", url)
			_ = s.Close()
		}
	}
	// A store that is away is no reason not to start.
	if err := open(t, "s3://files?region=eu&use_path_style=true&endpoint=http%3A%2F%2F127.0.0.1%3A1").Delete(t.Context(), "x"); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a bucket that is away: %v", err)
	}
}

// What a process left that was killed is gone a day later; what another writes now is not.
func TestAbandonedFilesAreRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "ab"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, age := range map[string]time.Duration{"x.18f.tmp": 25 * time.Hour, "y.18f.tmp": time.Hour, "z": 48 * time.Hour} {
		path := filepath.Join(dir, "ab", name)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := blobs.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	left := files(t, dir)
	if len(left) != 2 || filepath.Base(left[0]) != "y.18f.tmp" || filepath.Base(left[1]) != "z" {
		t.Errorf("left are %v", left)
	}
}
