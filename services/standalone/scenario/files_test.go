package scenario

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // of thumbnails
	"image/png"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/natter-chat/natter/pkg/client"
	"github.com/natter-chat/natter/pkg/fault"
)

// noise is a PNG that does not get smaller.
func noise(t *testing.T, w, h int) []byte {
	t.Helper()
	p := image.NewGray(image.Rect(0, 0, w, h))
	for i := range p.Pix {
		p.Pix[i] = uint8(rand.Uint32())
	}
	var out bytes.Buffer
	if err := png.Encode(&out, p); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// browse is a plain request, as a browser makes it for an image.
func browse(t *testing.T, url string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, body
}

// filesAreSent: what one uploads through one gateway, the others in the room get through the other, and nobody else does; a
// deletion takes it away.
func filesAreSent(t *testing.T, s *system) {
	ctx := t.Context()
	ada, bob, eve := newPerson(t, s.gatewayURL(0), "ada"), newPerson(t, s.gatewayURL(1), "bob"), newPerson(t, s.gatewayURL(1), "eve")
	a, b := ada.connect(t, client.ConnOptions{}), bob.connect(t, client.ConnOptions{Encoding: client.JSON})
	room := ada.newRoom(t, bob)
	a.knows(room)
	b.knows(room)
	picture := noise(t, 600, 500)
	sent := int64(0)
	f, err := ada.Upload(ctx, room, client.Upload{
		Name: "cat.png", Content: bytes.NewReader(picture), Size: int64(len(picture)), Progress: func(n int64) { sent = n },
	})
	if err != nil || f.GetWidth() != 600 || !f.GetHasThumbnail() || sent != int64(len(picture)) {
		t.Fatalf("%v, %v; sent %d of %d bytes", f, err, sent, len(picture))
	}
	if _, err := bob.Download(ctx, f.GetId()); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("it is not sent, but bob gets %v", err)
	}
	ack, err := a.Send(ctx, room, "look", client.WithUpload(f))
	if err != nil {
		t.Fatal(err)
	}
	if got := b.event(room, ack.GetSeq()).GetMessage(); got.GetFile().GetName() != "cat.png" || got.GetType() != "image" || got.GetFileUrl() != "/files/"+f.GetId() {
		t.Fatalf("bob got %v", got)
	}
	read := func(p *person) ([]byte, error) {
		body, err := p.Download(ctx, f.GetId())
		if err != nil {
			return nil, err
		}
		defer func() { _ = body.Close() }()
		return io.ReadAll(body)
	}
	if got, err := read(bob); err != nil || !bytes.Equal(got, picture) {
		t.Errorf("bob downloads %d bytes, %v", len(got), err)
	}
	if _, err := read(eve); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("eve downloads it: %v", err)
	}
	links, err := bob.FileLinks(ctx, f.GetId())
	if err != nil || len(links) != 1 {
		t.Fatalf("%v, %v", links, err)
	}
	if status, body := browse(t, s.gatewayURL(0)+links[0].GetUrl()); status != http.StatusOK || !bytes.Equal(body, picture) {
		t.Errorf("by the link: %d, %d bytes", status, len(body))
	}
	status, small := browse(t, s.gatewayURL(1)+links[0].GetThumbnailUrl())
	if config, _, err := image.DecodeConfig(bytes.NewReader(small)); status != http.StatusOK || err != nil || config.Width != 480 {
		t.Errorf("the thumbnail: %d, %v", status, err)
	}
	if links, err := eve.FileLinks(ctx, f.GetId()); err != nil || len(links) > 0 {
		t.Errorf("eve gets links: %v, %v", links, err)
	}
	cancelled(t, ada, room)
	avatars(t, s, ada, bob)

	if _, err := a.Delete(ctx, room, ack.GetSeq()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its link is dead", func() error { // in MongoDB behind the commit
		if status, _ := browse(t, s.gatewayURL(1)+links[0].GetUrl()); status != http.StatusNotFound {
			return fmt.Errorf("%d", status)
		}
		return nil
	})
	if dir := s.filesDir(); dir != "" {
		eventually(t, "its bytes are removed", func() error {
			found, err := filepath.Glob(filepath.Join(dir, "*", f.GetId()+"*"))
			if err == nil && len(found) > 0 {
				err = fmt.Errorf("%v", found)
			}
			return err
		})
	}
}

// cancelled: an upload that its sender ends leaves nothing that could be sent, or counts.
func cancelled(t *testing.T, ada *person, room string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	content := io.MultiReader(bytes.NewReader(make([]byte, 100_000)), cancels(cancel), bytes.NewReader(make([]byte, 1<<20)))
	if f, err := ada.Upload(ctx, room, client.Upload{Name: "no", Content: content}); !errors.Is(err, context.Canceled) {
		t.Errorf("an upload that was cancelled: %v, %v", f, err)
	}
}

// cancels is a reader of nothing that cancels a context.
type cancels context.CancelFunc

func (c cancels) Read([]byte) (int, error) { c(); return 0, io.EOF }

// avatars are for anybody.
func avatars(t *testing.T, s *system, ada, bob *person) {
	t.Helper()
	path, err := ada.UploadAvatar(t.Context(), bytes.NewReader(noise(t, 300, 300)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ada.UpdateMe(t.Context(), nil, new(path)); err != nil {
		t.Fatal(err)
	}
	if status, body := browse(t, s.gatewayURL(1)+path); status != http.StatusOK || len(body) == 0 {
		t.Errorf("the avatar: %d", status)
	}
	me, err := bob.UploadAvatar(t.Context(), bytes.NewReader([]byte("no picture")))
	if fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("an avatar of text: %q, %v", me, err)
	}
}

// filesDir is where the gateways keep files.
func (s *system) filesDir() string {
	for _, kv := range s.gateways[0].env {
		for prefix, sub := range map[string]string{"NATTER_FILES_URL=file://": "", "NATTER_DATA_DIR=": "files"} {
			if len(kv) > len(prefix) && kv[:len(prefix)] == prefix && (sub == "" || len(s.gateways) == 1) {
				return filepath.Join(kv[len(prefix):], sub)
			}
		}
	}
	return ""
}

// A person at a terminal sends a file, and sees that of another.
func TestUploadFromTheTerminal(t *testing.T) {
	t.Parallel()
	s := startOne(t)
	ada := newPerson(t, s.url, "ada")
	a := ada.connect(t, client.ConnOptions{})
	bob := newPerson(t, s.url, "bob")
	room := ada.newRoom(t, bob)
	a.knows(room)
	path := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(path, bytes.Repeat([]byte("hello "), 200), 0o600); err != nil {
		t.Fatal(err)
	}
	chat := s.natter(t, "chat", "--user", bob.email, "--room", room)
	chat.says(t, "Signed in")
	chat.types(t, "/upload "+path)
	chat.says(t, "[file notes.txt, 1.2 kB]")
	a.until("the file", func() bool {
		for _, e := range a.events[room] {
			if f := e.GetMessage().GetFile(); f.GetName() == "notes.txt" && f.GetSize() == 1200 {
				return true
			}
		}
		return false
	})
	chat.types(t, "/upload /does/not/exist")
	chat.says(t, "no such file")
}

// The process dies while a file is coming in: what there is of it is a temporary file, under no name that anybody could ask for,
// and the next upload is as good as ever.
func TestKilledDuringAnUpload(t *testing.T) {
	t.Parallel()
	s := startOne(t)
	ada := newPerson(t, s.url, "ada")
	room := ada.newRoom(t)
	files := func() (all []string) {
		found, err := filepath.Glob(filepath.Join(s.filesDir(), "*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}

	content, sender := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := ada.Upload(t.Context(), room, client.Upload{Name: "half.bin", Content: content, Size: 2 << 20})
		done <- err
	}()
	if _, err := sender.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a part of the file is there", func() error {
		if len(files()) == 0 {
			return errors.New("nothing yet")
		}
		return nil
	})
	s.processes[0].kill()
	_ = sender.Close()
	if err := <-done; err == nil {
		t.Error("the upload went well")
	}
	s.processes[0].start(t)
	for _, path := range files() {
		if filepath.Ext(path) != ".tmp" {
			t.Errorf("half a file is there as %s", filepath.Base(path))
		}
	}
	if _, err := ada.Upload(t.Context(), room, client.Upload{Name: "whole.bin", Content: bytes.NewReader(make([]byte, 1<<20)), Size: 1 << 20}); err != nil {
		t.Error(err)
	}
}
