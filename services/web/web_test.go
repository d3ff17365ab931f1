package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

// build is a small build, as the packing script leaves it.
var build = fstest.MapFS{
	".gitkeep":             {},
	"index.html":           {Data: []byte(`<link href="/assets/a-1.css"><script data-x="">self.x=1</script><script type="module" src="/assets/a-1.js"></script>`)},
	"assets/a-1.js":        {Data: []byte("plain")},
	"assets/a-1.js.br":     {Data: []byte("brotli")},
	"assets/a-1.js.gz":     {Data: []byte("gzip")},
	"assets/a-1.css":       {Data: []byte("style")},
	"favicon.svg":          {Data: []byte("<svg/>")},
	"manifest.webmanifest": {Data: []byte("{}")},
}

func client(t *testing.T, cfg Config, files fstest.MapFS) *Client {
	t.Helper()
	c, err := newClient(cfg, files)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// get asks for a path with headers "name: value".
func get(c *Client, method, target string, headers ...string) (*http.Response, bool) {
	r := httptest.NewRequest(method, target, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	if !c.Serves(r) {
		return nil, false
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w.Result(), true
}

func TestWhatIsServed(t *testing.T) {
	t.Parallel()
	c := client(t, Config{}, build)
	const page = "Accept: text/html,application/xhtml+xml"
	for _, test := range []struct {
		method, path, accept string
		body                 string // its beginning; empty: not served
	}{
		{"GET", "/", page, "<link"},
		{"HEAD", "/rooms/1", page, ""},
		{"GET", "/rooms/1", page, "<link"},
		{"GET", "/rooms/1", "Accept: */*", ""},
		{"GET", "/", "Accept: */*", "<link"},
		{"POST", "/", page, ""},
		{"GET", "/assets/a-1.js", "Accept: */*", "plain"},
		{"GET", "/assets/a-1.js.br", "Accept: */*", ""},
		{"GET", "/assets/gone-1.js", page, ""},
		{"GET", "/assets", "Accept: */*", ""},
		{"GET", "/.gitkeep", "Accept: */*", ""},
		{"GET", "/../web.go", "Accept: */*", ""},
		{"GET", "/favicon.svg", "Accept: image/*", "<svg"},
	} {
		res, ok := get(c, test.method, test.path, test.accept)
		if !ok {
			if test.body != "" {
				t.Errorf("%s %s (%s): not served", test.method, test.path, test.accept)
			}
			continue
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || !strings.HasPrefix(string(body), test.body) || test.body == "" && test.method != "HEAD" {
			t.Errorf("%s %s (%s): %q %v, want %q", test.method, test.path, test.accept, body, err, test.body)
		}
	}
}

func TestAssetsAreCompressedAndKept(t *testing.T) {
	t.Parallel()
	c := client(t, Config{}, build)
	for _, test := range []struct{ path, accepts, encoding, body, cache, contentType string }{
		{"/assets/a-1.js", "gzip, deflate, br", "br", "brotli", "public, max-age=31536000, immutable", "text/javascript; charset=utf-8"},
		{"/assets/a-1.js", "gzip", "gzip", "gzip", "public, max-age=31536000, immutable", "text/javascript; charset=utf-8"},
		{"/assets/a-1.js", "br;q=0, gzip;q=0.5", "gzip", "gzip", "public, max-age=31536000, immutable", "text/javascript; charset=utf-8"},
		{"/assets/a-1.js", "", "", "plain", "public, max-age=31536000, immutable", "text/javascript; charset=utf-8"},
		{"/assets/a-1.css", "br", "", "style", "public, max-age=31536000, immutable", "text/css; charset=utf-8"},
		{"/manifest.webmanifest", "br", "", "{}", "no-cache", "application/manifest+json"},
	} {
		res, _ := get(c, "GET", test.path, "Accept-Encoding: "+test.accepts)
		body, err := io.ReadAll(res.Body)
		h := res.Header
		if err != nil || string(body) != test.body || h.Get("Content-Encoding") != test.encoding || h.Get("Cache-Control") != test.cache ||
			h.Get("Content-Type") != test.contentType || h.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s for %q: %q %v %v", test.path, test.accepts, body, h, err)
		}
	}
}

func TestPageIsAskedForAgain(t *testing.T) {
	t.Parallel()
	c := client(t, Config{}, build)
	res, _ := get(c, "GET", "/rooms", "Accept: text/html")
	again, _ := get(c, "GET", "/", "Accept: text/html", "If-None-Match: "+res.Header.Get("Etag"))
	if res.Header.Get("Cache-Control") != "no-cache" || again.StatusCode != http.StatusNotModified {
		t.Errorf("%v, then %v", res.Header, again.Status)
	}
}

func TestPolicySources(t *testing.T) {
	t.Parallel()
	const hash = "'sha256-OeQ5f9lOMes7jOc0cGCXX08CnAERweUkLpVXXpflaLg='"
	scripts, styles := client(t, Config{}, build).PolicySources()
	if len(scripts) != 1 || scripts[0] != hash || len(styles) != 0 {
		t.Errorf("%v %v", scripts, styles)
	}
	c := client(t, Config{AssetsURL: "https://cdn.example.org/natter/"}, build)
	scripts, styles = c.PolicySources()
	if strings.Join(scripts, " ") != "https://cdn.example.org "+hash || strings.Join(styles, " ") != "https://cdn.example.org" {
		t.Errorf("with a CDN: %v %v", scripts, styles)
	}
	if got := strings.Count(string(c.page), `"https://cdn.example.org/natter/assets/a-1.`); got != 2 {
		t.Errorf("%s", c.page)
	}
}

func TestWithoutBuild(t *testing.T) {
	t.Parallel()
	res, _ := get(client(t, Config{}, fstest.MapFS{".gitkeep": {}}), "GET", "/", "Accept: text/html")
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(body), "make web") {
		t.Errorf("%s %s %v", res.Status, body, err)
	}
}

func TestAssetsURLIsChecked(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"cdn.example.org", "ftp://cdn.example.org", "//cdn", "https://", "https://a b"} {
		if _, err := newClient(Config{AssetsURL: bad}, build); err == nil || !strings.Contains(err.Error(), "NATTER_WEB_ASSETS_URL") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := New(Config{}); err != nil {
		t.Error(err)
	}
}
