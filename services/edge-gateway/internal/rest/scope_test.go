package rest_test

import (
	"context"
	"testing"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/proto/route"
	"github.com/natter-chat/natter/services/edge-gateway/internal/rest"

	httpv1 "github.com/natter-chat/natter/proto/gen/natter/http/v1"
)

// scoped takes every token for an API token with these scopes.
type scoped []string

func (s scoped) Verify(context.Context, string) (authn.Identity, error) {
	return authn.Identity{Caller: authn.Caller{User: ids.New[ids.User]()}, IsAPIToken: true, Scopes: s}, nil
}

// TestAPITokensDoWhatTheyWereMadeFor tries a token of each scope on every route that is not public.
func TestAPITokensDoWhatTheyWereMadeFor(t *testing.T) {
	t.Parallel()
	routes, err := route.All()
	if err != nil {
		t.Fatal(err)
	}
	byScope := map[string]int{}
	for _, scope := range []string{authn.ScopeRead, authn.ScopeWrite, authn.ScopeAdmin} {
		f := start(t, func(d *rest.Deps) { d.Verifier = scoped{scope} })
		for _, r := range routes {
			if r.Access == httpv1.Access_ACCESS_PUBLIC {
				continue
			}
			byScope[r.Scope]++
			w := f.do(r.Method, r.Path, "")
			if refused := w.Code == 403; refused != (r.Scope != scope) {
				t.Errorf("%s, which takes %q, with %q: %d %s", r.Pattern(), r.Scope, scope, w.Code, w.Body)
			}
		}
	}
	for _, scope := range []string{"", authn.ScopeRead, authn.ScopeWrite, authn.ScopeAdmin} {
		if byScope[scope] == 0 {
			t.Errorf("no route takes %q", scope)
		}
	}
	// Those that are written by hand.
	f := start(t, func(d *rest.Deps) { d.Verifier = scoped{authn.ScopeRead, authn.ScopeWrite, authn.ScopeAdmin} })
	for _, target := range []string{"/auth/logout", "/auth/sso/corp/link"} {
		w := f.do("POST", target, `{"everywhere":true}`)
		checkError(t, target, w, 403, "permission_denied", "")
	}
	if got := f.requests(); len(got) != 0 {
		t.Errorf("an API token reached auth: %v", got)
	}
	for _, r := range routes { // what an API token must never reach
		if r.Path == "/auth/tokens" || r.Path == "/auth/password" || r.Path == "/auth/sessions" || r.Path == "/auth/bots" {
			if r.Scope != "" {
				t.Errorf("%s takes API tokens", r.Pattern())
			}
		}
	}
}
