package rest_test

import (
	"bytes"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/edge-gateway/internal/ratelimit"
	"github.com/natter-chat/natter/services/edge-gateway/internal/rest"
	"github.com/natter-chat/natter/services/edge-gateway/internal/upload"
)

const filesOfRoom = "/chat/rooms/" + room + "/files"

func pngOf(t *testing.T, w, h int) string {
	t.Helper()
	p := image.NewGray(image.Rect(0, 0, w, h))
	for i := range p.Pix {
		p.Pix[i] = uint8(rand.Uint32())
	}
	var out bytes.Buffer
	if err := png.Encode(&out, p); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// upload uploads a file that must be taken.
func (f *fixture) upload(t *testing.T, target, content string) *chatv1.File {
	t.Helper()
	w := f.do("POST", target, content, "Content-Type: text/html")
	if w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	file := &chatv1.File{}
	if err := protojson.Unmarshal(w.Body.Bytes(), file); err != nil {
		t.Fatal(err)
	}
	if got := w.Header().Get("Location"); got != "/files/"+file.GetId() {
		t.Errorf("location %q", got)
	}
	return file
}

// get is a request without a token.
func (f *fixture) get(target string, header ...string) *httptest.ResponseRecorder {
	return f.do("GET", target, "", append([]string{"Authorization: "}, header...)...)
}

func TestUploadAndDownload(t *testing.T) {
	t.Parallel()
	f := start(t)
	content := pngOf(t, 500, 400) // more than NATTER_HTTP_MAX_BODY
	file := f.upload(t, filesOfRoom+"?name="+url.QueryEscape("Katze ☃.png"), content)
	if file.GetType() != "image/png" || file.GetName() != "Katze ☃.png" || file.GetWidth() != 500 || file.GetHeight() != 400 || !file.GetHasThumbnail() ||
		int(file.GetSize()) != len(content) || f.files.reserved != file.GetSize() {
		t.Fatalf("file %v", file)
	}
	path := "/files/" + file.GetId()
	w := f.do("GET", path, "")
	want := map[string]string{
		"Content-Type": "image/png", "Content-Disposition": "inline; filename*=utf-8''Katze%20%E2%98%83.png", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox", "Cache-Control": "private, no-cache",
		"ETag": `"` + file.GetId() + `"`, "Accept-Ranges": "bytes", "Content-Length": strconv.Itoa(len(content)), "Content-Encoding": "",
	}
	if w.Code != http.StatusOK || w.Body.String() != content {
		t.Fatalf("%d, %d bytes", w.Code, w.Body.Len())
	}
	for name, value := range want {
		if got := w.Header().Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	if w := f.do("GET", path, "", "Range: bytes=1-3"); w.Code != http.StatusPartialContent || w.Body.String() != "PNG" {
		t.Errorf("a range: %d %q", w.Code, w.Body)
	}
	if w := f.do("GET", path, "", "If-None-Match: "+want["ETag"]); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
		t.Errorf("known already: %d", w.Code)
	}
	if w := f.do("HEAD", path, ""); w.Code != http.StatusOK || w.Body.Len() > 0 || w.Header().Get("Content-Length") != want["Content-Length"] {
		t.Errorf("HEAD: %d %v", w.Code, w.Header())
	}
	w = f.do("GET", path+"/thumbnail", "")
	if small, format, err := image.Decode(w.Body); err != nil || small.Bounds().Dx() != 480 || w.Header().Get("Content-Type") != "image/"+format {
		t.Errorf("thumbnail: %v, %v", w.Header(), err)
	}
	// Who is not signed in needs a link, which browsers may keep as long as it is good.
	checkError(t, "nobody", f.get(path), 401, "unauthenticated", "")
	checkError(t, "nobody, with half a link", f.get(path+"?signature=good"), 400, "invalid_argument", "expires")
	checkError(t, "nobody, with a token in the URL", f.get(path+"?access_token="+f.token), 401, "unauthenticated", "")
	link := f.get(path + "?signature=good&expires=" + strconv.FormatInt(time.Now().Unix()+300, 10))
	if cache := link.Header().Get("Cache-Control"); link.Code != http.StatusOK || cache != "private, max-age=300" && cache != "private, max-age=299" {
		t.Errorf("with a link: %d %q", link.Code, cache)
	}
}

// What a file is, is found out, and what might have a script in it is never shown.
func TestTypesAreNotTrusted(t *testing.T) {
	t.Parallel()
	f := start(t)
	for name, tt := range map[string]struct{ content, mediaType, disposition string }{
		"page.png": {"<!DOCTYPE html><script>alert(1)</script>", "text/html; charset=utf-8", "attachment; filename=page.png"},
		"a.svg":    {`<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>`, "image/svg+xml", "attachment; filename=a.svg"},
		"a.gif":    {pngOf(t, 2, 2), "image/png", "inline; filename=a.gif"},
		"a.wav":    {"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav", "inline; filename=a.wav"},
		`a".pdf`:   {"%PDF-1.7", "application/pdf", `attachment; filename="a\".pdf"`},
		"notes":    {"hi", "text/plain; charset=utf-8", "attachment; filename=notes"},
	} {
		file := f.upload(t, filesOfRoom+"?name="+url.QueryEscape(name), tt.content)
		w := f.do("GET", "/files/"+file.GetId(), "")
		if got := w.Header().Get("Content-Disposition"); file.GetType() != tt.mediaType || w.Header().Get("Content-Type") != tt.mediaType || got != tt.disposition {
			t.Errorf("%s: %q, %q", name, file.GetType(), got)
		}
		if w := f.do("GET", "/files/"+file.GetId()+"/thumbnail", ""); w.Code != http.StatusNotFound {
			t.Errorf("thumbnail of %s: %d", name, w.Code)
		}
	}
}

func TestAvatars(t *testing.T) {
	t.Parallel()
	f := start(t)
	file := f.upload(t, "/files/avatars", pngOf(t, 300, 400))
	w := f.get("/files/" + file.GetId())
	if small, _, err := image.DecodeConfig(w.Body); err != nil || small.Width != 256 || small.Height != 256 || w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" {
		t.Errorf("%dx%d, %v, %v", small.Width, small.Height, w.Header(), err)
	}
	checkError(t, "text", f.do("POST", "/files/avatars", "hi"), 400, "invalid_argument", "body")
	checkError(t, "too large", f.do("POST", "/files/avatars", strings.Repeat("x", upload.MaxAvatar+1)), 413, "invalid_argument", "body")
	checkError(t, "nobody", f.do("POST", "/files/avatars", "hi", "Authorization: "), 401, "unauthenticated", "")
}

// A refused upload leaves nothing behind, neither bytes nor what message-store knows of them.
func TestRefusedUploads(t *testing.T) {
	t.Parallel()
	f := start(t)
	checkError(t, "nobody", f.do("POST", filesOfRoom, "x", "Authorization: "), 401, "unauthenticated", "")
	checkError(t, "over the quota", f.do("POST", "/chat/rooms/full/files", "x"), 429, "resource_exhausted", "body")
	checkError(t, "empty", f.do("POST", filesOfRoom, ""), 400, "invalid_argument", "body")
	checkError(t, "too large", f.do("POST", filesOfRoom, strings.Repeat("x", maxFile+1)), 413, "invalid_argument", "body")
	f.files.finished = fault.New(fault.Unavailable, "message-store is away")
	checkError(t, "not finished", f.do("POST", filesOfRoom, pngOf(t, 500, 500)), 503, "unavailable", "")
	if known, stored := f.files.count(t); known != 0 || stored != 0 {
		t.Errorf("%d files are known, %d stored", known, stored)
	}
}

// chunked is a request whose body has no length.
func (f *fixture) chunked(t *testing.T, server string, body io.Reader) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server+filesOfRoom, io.MultiReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+f.token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

func TestUploadsOfUnknownLength(t *testing.T) {
	t.Parallel()
	f := start(t)
	server := httptest.NewServer(f.handler)
	t.Cleanup(server.Close)
	if res := f.chunked(t, server.URL, strings.NewReader("hello")); res.StatusCode != http.StatusCreated || f.files.reserved != maxFile {
		t.Errorf("%d, %d bytes reserved", res.StatusCode, f.files.reserved)
	}
	for body, want := range map[string]int{strings.Repeat("x", maxFile): 201, strings.Repeat("x", maxFile+1): 413, "": 400} {
		if res := f.chunked(t, server.URL, strings.NewReader(body)); res.StatusCode != want {
			t.Errorf("%d bytes: %d, want %d", len(body), res.StatusCode, want)
		}
	}
	if known, stored := f.files.count(t); known != 2 || stored != 2 {
		t.Errorf("%d files are known, %d stored", known, stored)
	}
}

// begin sends the beginning of an upload over a connection of its own.
func (f *fixture) begin(t *testing.T, server *httptest.Server, body string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	request := "POST " + filesOfRoom + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + f.token + "\r\nContent-Length: 100000\r\n\r\n" + body
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	return conn
}

// await waits until the store is in a state.
func (f *fixture) await(t *testing.T, known, stored int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		k, s := f.files.count(t)
		switch {
		case k == known && s == stored:
			return
		case time.Now().After(deadline):
			t.Fatalf("%d files are known, %d stored; want %d and %d", k, s, known, stored)
		}
	}
}

func TestAClientThatGoesAwayLeavesNothing(t *testing.T) {
	t.Parallel()
	f := start(t)
	server := httptest.NewServer(f.handler)
	t.Cleanup(server.Close)
	conn := f.begin(t, server, strings.Repeat("x", 50_000))
	f.await(t, 1, 1) // its temporary file
	_ = conn.Close()
	f.await(t, 0, 0)
}

func TestAStalledUploadEnds(t *testing.T) {
	t.Parallel()
	f := start(t, func(d *rest.Deps) { d.Files = stalling{d.Files, 200 * time.Millisecond} })
	server := httptest.NewServer(f.handler)
	t.Cleanup(server.Close)
	conn := f.begin(t, server, strings.Repeat("x", 50_000))
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") || !strings.Contains(string(answer), `"code":"deadline_exceeded"`) {
		t.Errorf("%q, %v", answer, err)
	}
	f.await(t, 0, 0)
}

// stalling is files that may stand still for another time.
type stalling struct {
	rest.Files
	d time.Duration
}

func (s stalling) Stall() time.Duration { return s.d }

func TestUploadsAtTheSameTime(t *testing.T) {
	t.Parallel()
	f := start(t)
	server := httptest.NewServer(f.handler)
	t.Cleanup(server.Close)
	for range 8 {
		f.begin(t, server, "x")
	}
	f.await(t, 8, 0)
	w := f.do("POST", filesOfRoom, "x")
	checkError(t, "the ninth of one user", w, 429, "resource_exhausted", "")
	if w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestGarbageIsCollected(t *testing.T) {
	t.Parallel()
	f := start(t)
	file := f.upload(t, filesOfRoom, pngOf(t, 500, 500))
	kept := f.upload(t, filesOfRoom, "hi")
	f.await(t, 2, 3)
	f.files.mu.Lock()
	f.files.garbage = []string{file.GetId(), ids.New[ids.File]().String()}
	f.files.mu.Unlock()
	var done sync.WaitGroup
	for range 2 { // gateways may do so at once
		done.Go(func() {
			if err := f.uploads.Collect(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	f.await(t, 1, 1)
	if w := f.do("GET", "/files/"+kept.GetId(), ""); w.Code != http.StatusOK {
		t.Errorf("%d", w.Code)
	}
}

func TestFilesAreRateLimited(t *testing.T) {
	t.Parallel()
	f := start(t, func(d *rest.Deps) {
		d.Config.RateRead, d.Config.RateWrite = ratelimit.Rate{Count: 2, Per: time.Hour}, ratelimit.Rate{Count: 2, Per: time.Hour}
	})
	last := func(n int, get func() int) (code int) {
		for range n {
			code = get()
		}
		return code
	}
	for name, tt := range map[string]struct {
		free int
		get  func() int
	}{
		"uploads":               {2, func() int { return f.do("POST", filesOfRoom, "").Code }},
		"downloads of a user":   {2, func() int { return f.do("GET", "/files/x", "").Code }},
		"downloads, by address": {20, func() int { return f.get("/files/x").Code }},
	} {
		if code := last(tt.free, tt.get); code == 429 {
			t.Errorf("%s: refused too early", name)
		}
		if code := last(1, tt.get); code != 429 {
			t.Errorf("%s: %d", name, code)
		}
	}
}

func TestAPITokensOfFiles(t *testing.T) {
	t.Parallel()
	for scope, want := range map[string][2]int{"read": {403, 200}, "write": {201, 403}, "admin": {403, 403}} {
		f := start(t)
		file := f.upload(t, filesOfRoom, "hi")
		f = start(t, func(d *rest.Deps) { d.Verifier, d.Files = scoped{scope}, f.uploads })
		if got := [2]int{f.do("POST", filesOfRoom, "hi").Code, f.do("GET", "/files/"+file.GetId(), "").Code}; got != want {
			t.Errorf("%s: upload %d, download %d, want %v", scope, got[0], got[1], want)
		}
	}
}
