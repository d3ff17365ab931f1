package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/natter-chat/natter/pkg/fault"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// files serves a client of a server that answers so.
func files(t *testing.T, answer http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	c, err := New(server.URL, Options{Token: StaticToken("token")})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestUpload(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("x"), 100_000)
	for name, u := range map[string]Upload{
		"of a known size":    {Name: "a b&c.txt", Content: bytes.NewReader(content), Size: int64(len(content))},
		"of an unknown size": {Name: "a b&c.txt", Content: io.MultiReader(bytes.NewReader(content))},
	} {
		var sent int64
		u.Progress = func(n int64) { sent = n }
		c := files(t, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			length := u.Size
			if length == 0 {
				length = -1
			}
			if err != nil || !bytes.Equal(body, content) || r.ContentLength != length || r.URL.Path != "/chat/rooms/a/files" ||
				r.URL.Query().Get("name") != u.Name || r.Header.Get("Authorization") != "Bearer token" {
				t.Errorf("%s: %s %s, %d of %d bytes, %v", name, r.Method, r.URL, len(body), r.ContentLength, err)
			}
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"id":"f","name":"n","later":1}`)
		})
		f, err := c.Upload(t.Context(), "a", u)
		if err != nil || f.GetId() != "f" || sent != int64(len(content)) {
			t.Errorf("%s: %v, %v, sent %d", name, f, err, sent)
		}
	}
}

func TestRefusedUpload(t *testing.T) {
	t.Parallel()
	c := files(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		_, _ = io.WriteString(w, `{"error":{"code":"invalid_argument","message":"too large","field":"body"}}`)
	})
	if _, err := c.Upload(t.Context(), "a", Upload{Content: strings.NewReader("x")}); fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("too large: %v", err)
	}
	if _, err := c.Upload(t.Context(), "..", Upload{Content: strings.NewReader("x")}); fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("another path: %v", err)
	}
	if _, err := c.Download(t.Context(), ".."); fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("another path: %v", err)
	}
}

// A content that can be read again is sent again when the token has expired on the way.
func TestUploadWithAFreshToken(t *testing.T) {
	t.Parallel()
	refreshed := false
	var bodies []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(body))
		if r.Header.Get("Authorization") != "Bearer fresh" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":{"code":"unauthenticated","message":"expired"}}`)
			return
		}
		_, _ = io.WriteString(w, `{"id":"f"}`)
	}))
	t.Cleanup(server.Close)
	c, err := New(server.URL, Options{Token: func(context.Context) (string, error) {
		if refreshed {
			return "fresh", nil
		}
		refreshed = true
		return "old", nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	content := strings.NewReader("not this, but this")
	if _, err := content.Seek(10, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Upload(t.Context(), "a", Upload{Content: content}); err != nil || len(bodies) != 2 || bodies[1] != "but this" {
		t.Errorf("%v, %q", err, bodies)
	}
}

func TestCancelledUpload(t *testing.T) {
	t.Parallel()
	c := files(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	ctx, cancel := context.WithCancel(t.Context())
	begun := func(int64) { cancel() }
	if _, err := c.Upload(ctx, "a", Upload{Content: endless{}, Progress: begun}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// endless is a content without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestWithUpload(t *testing.T) {
	t.Parallel()
	for mediaType, want := range map[string]string{"image/png": "image", "text/plain": "file"} {
		send := &clientv1.Send{}
		WithUpload(&chatv1.File{Id: "f", Type: mediaType})(send)
		if send.GetType() != want || send.GetFileUrl() != "/files/f" {
			t.Errorf("%s: %v", mediaType, send)
		}
	}
}
