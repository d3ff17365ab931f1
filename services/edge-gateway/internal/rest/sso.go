package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/rpc"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	httpv1 "github.com/natter-chat/natter/proto/gen/natter/http/v1"
	"github.com/natter-chat/natter/services/edge-gateway/internal/clientaddr"
)

const (
	// ssoTimeout is how long a provider may take, with its requests one after the other.
	ssoTimeout = 20 * time.Second
	// ssoPath is where the cookie of an attempt is sent to.
	ssoPath = "/auth/sso/"
)

// beginSSO is GET /auth/sso/{provider}: a link on the sign-in page.
func (a *api) beginSSO(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	to, err := a.begin(a.withClient(r), w, r, clientaddr.Key(a.proxies.Of(r)), &authv1.BeginSignOnRequest{
		Provider: r.PathValue("provider"), ReturnTo: query.Get("returnTo"), CodeChallenge: query.Get("codeChallenge"),
		Invitation: query.Get("invitation"),
	})
	if err != nil {
		a.failPage(w, r, err)
		return
	}
	http.Redirect(w, r, to, http.StatusFound)
}

// linkSSO is POST /auth/sso/{provider}/link. Only a page that has the user's access token gets here, and so only it can put
// into its browser the cookie that lets the user's identity end up in an account.
func (a *api) linkSSO(w http.ResponseWriter, r *http.Request) {
	ctx := a.withClient(r)
	caller, err := a.callerOf(ctx, r, "")
	if err != nil {
		a.fail(w, r, err)
		return
	}
	to, err := a.begin(rpc.WithCaller(ctx, caller), w, r, caller.User.String(), &authv1.BeginSignOnRequest{
		Provider: r.PathValue("provider"), ReturnTo: r.URL.Query().Get("returnTo"), Link: true,
	})
	if err != nil {
		a.fail(w, r, err)
		return
	}
	body, err := json.Marshal(map[string]string{"url": to})
	if err != nil {
		a.fail(w, r, fault.E(fault.Internal, "encode answer", err))
		return
	}
	writeJSON(w, http.StatusOK, body)
}

// begin asks auth where to go and gives the browser the cookie that it comes back with. Each attempt has its own: several
// tabs may sign in at once. It is Lax, because the request that needs it comes from the provider's page.
func (a *api) begin(ctx context.Context, w http.ResponseWriter, r *http.Request, key string, req *authv1.BeginSignOnRequest) (string, error) {
	if err := a.limits.take(httpv1.RateClass_RATE_CLASS_AUTH, key, time.Now()); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, ssoTimeout)
	defer cancel()
	var res authv1.BeginSignOnResponse
	if err := a.Caller.Call(ctx, "auth", "BeginSignOn", req, &res); err != nil {
		return "", err
	}
	http.SetCookie(w, a.attemptCookie(r, res.GetState(), res.GetAttempt(), int(res.GetAttemptSeconds())))
	w.Header().Set("Cache-Control", "no-store")
	return res.GetUrl(), nil
}

// finishSSO is GET /auth/sso/{provider}/callback: the provider sends the browser here.
func (a *api) finishSSO(w http.ResponseWriter, r *http.Request) {
	if err := a.limits.take(httpv1.RateClass_RATE_CLASS_AUTH, clientaddr.Key(a.proxies.Of(r)), time.Now()); err != nil {
		a.failPage(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(a.withClient(r), ssoTimeout)
	defer cancel()
	query := r.URL.Query()
	state := query.Get("state")
	req := &authv1.FinishSignOnRequest{
		Provider: r.PathValue("provider"), State: state, Code: query.Get("code"), Iss: query.Get("iss"), Error: query.Get("error"),
	}
	if cookie, err := r.Cookie(attemptName(state)); err == nil {
		req.Attempt = cookie.Value
		http.SetCookie(w, a.attemptCookie(r, state, "", -1)) // it works once, whatever comes of it
	}
	var res authv1.FinishSignOnResponse
	if err := a.Caller.Call(ctx, "auth", "FinishSignOn", req, &res); err != nil {
		a.failPage(w, r, err)
		return
	}
	if in := res.GetSignedIn(); in != nil {
		a.handOver(w, r, in)
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, res.GetUrl(), http.StatusSeeOther)
}

// attemptCookie holds an attempt; maxAge is in seconds, below 0 it removes the cookie.
func (a *api) attemptCookie(r *http.Request, state, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: attemptName(state), Value: value, Path: ssoPath, MaxAge: maxAge, HttpOnly: true, Secure: a.proxies.IsHTTPS(r),
		SameSite: http.SameSiteLaxMode,
	}
}

// attemptName is the cookie of a state: auth compares all of it.
func attemptName(state string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	name := state[:min(len(state), 8)]
	if strings.Trim(name, alphabet) != "" {
		name = "" // not ours; a cookie cannot have every name
	}
	return "natter_sso_" + cmp.Or(name, "none")
}

// failPage answers an error to a person whose browser follows links and redirects, and as always to a program.
func (a *api) failPage(w http.ResponseWriter, r *http.Request, err error) {
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		a.fail(w, r, err)
		return
	}
	f := fault.From(err)
	a.logFailure(w, r, err)
	setRetryAfter(w, f)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	w.WriteHeader(f.Code.HTTPStatus())
	_ = errorPage.Execute(w, f.Message) // fails when the client is gone
}

var errorPage = template.Must(template.New("error").Parse(`<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Natter</title>
<h1>This did not work</h1>
<p>{{.}}</p>
<p><a href="/">Back to Natter</a></p>
</html>
`))
