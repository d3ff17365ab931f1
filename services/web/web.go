// Package web serves the web client, whose sources lie beside it and whose build is embedded. The gateway puts it behind
// its API: what no route of the API takes is a file of the build, or a page of the client.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"
)

// dist is what `make web` builds; without Node it holds only a placeholder.
//
//go:embed all:dist
var dist embed.FS

// Config is the settings of the web client.
type Config struct {
	AssetsURL string `env:"NATTER_WEB_ASSETS_URL" help:"where browsers get the scripts and styles of the web client, such as a CDN in front of this server: https://cdn.example.org; empty: here"`
}

// assets is the folder of files whose names have a hash of their content in them.
const assets = "/assets/"

// Client is the built web client. It does not change; any number of requests may use it at once.
type Client struct {
	files   fs.FS
	page    []byte // of every address of the client: it finds its way by itself
	etag    string
	scripts []string
	styles  []string
}

// New prepares the client that this program was built with. It fails when the configuration is wrong or the build is torn.
func New(cfg Config) (*Client, error) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, fmt.Errorf("web client: %w", err)
	}
	return newClient(cfg, files)
}

func newClient(cfg Config, files fs.FS) (*Client, error) {
	c := &Client{files: files}
	var err error
	switch c.page, err = fs.ReadFile(files, "index.html"); {
	case errors.Is(err, fs.ErrNotExist):
		c.page = notBuilt
	case err != nil:
		return nil, fmt.Errorf("web client: %w", err)
	}
	if cfg.AssetsURL != "" {
		base, err := url.Parse(cfg.AssetsURL)
		if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
			return nil, fmt.Errorf("NATTER_WEB_ASSETS_URL: %q is not a URL such as https://cdn.example.org", cfg.AssetsURL)
		}
		// The scripts find each other relative to themselves, so these are all the addresses there are.
		c.page = bytes.ReplaceAll(c.page, []byte(`"`+assets), []byte(`"`+strings.TrimSuffix(base.String(), "/")+assets))
		origin := base.Scheme + "://" + base.Host
		c.scripts, c.styles = append(c.scripts, origin), append(c.styles, origin)
	}
	for _, script := range inlineScript.FindAllSubmatch(c.page, -1) {
		sum := sha256.Sum256(script[1])
		c.scripts = append(c.scripts, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
	c.etag = fmt.Sprintf(`"%x"`, sha256.Sum256(c.page))
	return c, nil
}

// inlineScript finds the scripts that stand in the page. Those without a src run only if the policy knows them.
var inlineScript = regexp.MustCompile(`(?s)<script(?: data-[a-z-]+="[^"]*")*>(.*?)</script>`)

// PolicySources is what the client's page needs in the content security policy beside 'self': sources of scripts (the hashes
// of those in the page itself; where assets come from) and of styles.
func (c *Client) PolicySources() (scripts, styles []string) { return c.scripts, c.styles }

// Serves reports whether a request that no route of the API takes is for the client: a file of it, or a page that somebody
// opens. Programs do not ask for HTML, so what they get wrong stays an error.
func (c *Client) Serves(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if r.URL.Path == "/" || c.has(r.URL.Path) {
		return true
	}
	return !strings.HasPrefix(r.URL.Path, assets) && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// has reports whether the build has a file at this path of the server.
func (c *Client) has(at string) bool {
	name := strings.TrimPrefix(at, "/")
	if _, known := contentTypes[path.Ext(name)]; !known || !fs.ValidPath(name) {
		return false
	}
	info, err := fs.Stat(c.files, name)
	return err == nil && info.Mode().IsRegular()
}

// ServeHTTP answers what it Serves.
func (c *Client) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if !c.has(r.URL.Path) {
		h.Set("Content-Type", contentTypes[".html"])
		h.Set("Cache-Control", "no-cache")
		h.Set("Etag", c.etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(c.page))
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	content, encoding, err := c.read(name, r.Header.Get("Accept-Encoding"))
	if err != nil { // it is in memory
		http.Error(w, "web client: "+err.Error(), http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", contentTypes[path.Ext(name)])
	h.Add("Vary", "Accept-Encoding")
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
	}
	if strings.HasPrefix(r.URL.Path, assets) {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("Access-Control-Allow-Origin", "*") // a CDN in front of this server hands them to pages of this server
	} else {
		h.Set("Cache-Control", "no-cache")
		h.Set("Etag", fmt.Sprintf(`"%x"`, sha256.Sum256(content)))
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// read returns a file in the smallest form that the client takes and the build has made.
func (c *Client) read(name, accepted string) (content []byte, encoding string, err error) {
	for _, form := range []struct{ suffix, encoding string }{{".br", "br"}, {".gz", "gzip"}} {
		if !accepts(accepted, form.encoding) {
			continue
		}
		if content, err := fs.ReadFile(c.files, name+form.suffix); err == nil {
			return content, form.encoding, nil
		}
	}
	content, err = fs.ReadFile(c.files, name)
	return content, "", err
}

// accepts reports whether an Accept-Encoding header names an encoding and does not refuse it.
func accepts(header, encoding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), encoding) {
			q := strings.TrimSpace(params)
			return q != "q=0" && q != "q=0.0"
		}
	}
	return false
}

// contentTypes are those of the files that a build may have: the system's table differs between machines.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
	".json": "application/json", ".webmanifest": "application/manifest+json",
}

// notBuilt stands in for a client that was not built.
var notBuilt = []byte(`<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Natter</title>
<h1>Natter is running</h1>
<p>Its web client would be here, but this program was built without it: that takes Node 20.19 or later and <code>make web</code>.</p>
<p>The API works, and is described at <a href="/docs">/docs</a>.</p>
</html>
`)
