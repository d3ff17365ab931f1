package rest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"time"

	documents "github.com/natter-chat/natter/proto"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	httpv1 "github.com/natter-chat/natter/proto/gen/natter/http/v1"
	"github.com/natter-chat/natter/services/edge-gateway/internal/clientaddr"
)

// handleOthers registers what is no rpc with a JSON answer. proto/apidoc lists the same in the documents.
func (a *api) handleOthers() error {
	return errors.Join(
		a.handleSessions(),
		a.handleFiles(),
		handle(a.mux, "GET /.well-known/jwks.json", http.HandlerFunc(a.keys)),
		handle(a.mux, "GET /auth/sso/{provider}", http.HandlerFunc(a.beginSSO)),
		handle(a.mux, "GET /auth/sso/{provider}/callback", http.HandlerFunc(a.finishSSO)),
		handle(a.mux, "POST /auth/sso/{provider}/link", http.HandlerFunc(a.linkSSO)),
		handle(a.mux, "GET /docs", document("text/html; charset=utf-8", documents.Page)),
		handle(a.mux, "GET /docs/openapi.yaml", document("application/yaml", documents.OpenAPI)),
		handle(a.mux, "GET /docs/asyncapi.yaml", document("application/yaml", documents.AsyncAPI)),
	)
}

// document serves a generated file. The page brings its own styles and nothing else.
func document(contentType string, content []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(content) // fails when the client is gone
	})
}

// keys serves the public keys of access tokens as auth gives them. A minute of caching is well within the quarter of an
// hour for which a new key is published before it signs.
func (a *api) keys(w http.ResponseWriter, r *http.Request) {
	address := clientaddr.Key(a.proxies.Of(r))
	if err := a.limits.take(httpv1.RateClass_RATE_CLASS_READ, address, time.Now()); err != nil {
		a.fail(w, r, err)
		return
	}
	var res authv1.GetKeysResponse
	if err := a.Caller.Call(r.Context(), "auth", "GetKeys", &authv1.GetKeysRequest{}, &res); err != nil {
		a.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=60")
	w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(res.GetJwks())))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(res.GetJwks())) // answers 304 to whoever has these
}
