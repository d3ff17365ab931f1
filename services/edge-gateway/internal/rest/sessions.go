package rest

import (
	"errors"
	"net/http"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/rpc"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	httpv1 "github.com/natter-chat/natter/proto/gen/natter/http/v1"
	"github.com/natter-chat/natter/services/edge-gateway/internal/clientaddr"
)

// A browser's refresh token is in a cookie that no script can read, and that is sent to /auth only. Other clients have it in
// the body of requests and answers, if they ask for it when they sign in.
const (
	refreshCookie = "natter_refresh"
	cookiePath    = "/auth"
	// cookieLife is as long as browsers keep any cookie. When the session ends, auth decides.
	cookieLife = 400 * 24 * time.Hour
	// maxCookie is the longest refresh token that is looked at; ours have 86 bytes.
	maxCookie = 256
	// headerRefreshToken says where a client that signs in wants the refresh token: "body".
	headerRefreshToken = "Natter-Refresh-Token"
)

// handleSessions registers what reads or writes the cookie.
func (a *api) handleSessions() error {
	return errors.Join(
		handle(a.mux, "POST /auth/refresh", http.HandlerFunc(a.refresh)),
		handle(a.mux, "POST /auth/logout", http.HandlerFunc(a.logout)),
	)
}

// refresh answers where it was asked: a token from the cookie is followed by one in the cookie. So a script in a page can
// never get at it.
func (a *api) refresh(w http.ResponseWriter, r *http.Request) {
	var req authv1.RefreshRequest
	if err := a.takeSessionRequest(w, r, &req); err != nil {
		a.fail(w, r, err)
		return
	}
	inBody := req.GetRefreshToken() != ""
	if !inBody {
		req.RefreshToken = tokenInCookie(r)
	}
	if req.GetRefreshToken() == "" {
		a.fail(w, r, fault.New(fault.Unauthenticated, "sign in first: there is no refresh token, neither in the cookie nor in the body"))
		return
	}
	var in authv1.SignedIn
	if err := a.Caller.Call(a.withClient(r), "auth", "Refresh", &req, &in); err != nil {
		if !inBody && fault.CodeOf(err) == fault.Unauthenticated {
			a.dropRefreshToken(w, r)
		}
		a.fail(w, r, err)
		return
	}
	if !inBody {
		a.keepRefreshToken(w, r, &in)
	}
	a.writeMessage(w, r, &in)
}

// logout ends the session of the refresh token, or of the access token, and removes the cookie.
func (a *api) logout(w http.ResponseWriter, r *http.Request) {
	var req authv1.LogoutRequest
	if err := a.takeSessionRequest(w, r, &req); err != nil {
		a.fail(w, r, err)
		return
	}
	if req.GetRefreshToken() == "" {
		req.RefreshToken = tokenInCookie(r)
	}
	ctx := a.withClient(r)
	switch caller, err := a.callerOf(ctx, r, ""); {
	case err == nil:
		ctx = rpc.WithCaller(ctx, caller)
	case fault.CodeOf(err) != fault.Unauthenticated: // without an access token, or with one that has expired, there is the cookie
		a.fail(w, r, err)
		return
	}
	var res authv1.LogoutResponse
	if err := a.Caller.Call(ctx, "auth", "Logout", &req, &res); err != nil {
		a.fail(w, r, err)
		return
	}
	a.dropRefreshToken(w, r)
	a.writeMessage(w, r, &res)
}

// takeSessionRequest counts a request by its address and reads its body, which may be empty.
func (a *api) takeSessionRequest(w http.ResponseWriter, r *http.Request, req proto.Message) error {
	if err := a.limits.take(httpv1.RateClass_RATE_CLASS_WRITE, clientaddr.Key(a.proxies.Of(r)), time.Now()); err != nil {
		return err
	}
	return a.decodeBody(w, r, req)
}

// handOver gives a client that has signed in its refresh token where it wants it. The session that a browser had until now
// has lost its cookie, so it ends; that failing, it expires.
func (a *api) handOver(w http.ResponseWriter, r *http.Request, in *authv1.SignedIn) {
	if in.RefreshToken == nil || r.Header.Get(headerRefreshToken) == "body" {
		return
	}
	if old := tokenInCookie(r); old != "" {
		err := a.Caller.Call(a.withClient(r), "auth", "Logout", &authv1.LogoutRequest{RefreshToken: old}, &authv1.LogoutResponse{})
		if err != nil {
			a.Log.Warn("the session before this one was not ended", "error", err)
		}
	}
	a.keepRefreshToken(w, r, in)
}

// keepRefreshToken moves a refresh token from an answer into the cookie.
func (a *api) keepRefreshToken(w http.ResponseWriter, r *http.Request, in *authv1.SignedIn) {
	a.setRefreshCookie(w, r, in.GetRefreshToken(), int(cookieLife.Seconds()))
	in.RefreshToken = nil
}

func (a *api) dropRefreshToken(w http.ResponseWriter, r *http.Request) {
	a.setRefreshCookie(w, r, "", -1)
}

func (a *api) setRefreshCookie(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: refreshCookie, Value: value, Path: cookiePath, MaxAge: maxAge,
		HttpOnly: true, Secure: a.proxies.IsHTTPS(r), SameSite: http.SameSiteStrictMode,
	})
}

// tokenInCookie is the refresh token of a browser; "" when it has none.
func tokenInCookie(r *http.Request) string {
	for _, c := range r.CookiesNamed(refreshCookie) {
		if c.Value != "" && len(c.Value) <= maxCookie {
			return c.Value
		}
	}
	return ""
}

func (a *api) writeMessage(w http.ResponseWriter, r *http.Request, m proto.Message) {
	body, err := compact(toJSON.Marshal(m))
	if err != nil {
		a.fail(w, r, fault.E(fault.Internal, "encode answer", err))
		return
	}
	writeJSON(w, http.StatusOK, body)
}
