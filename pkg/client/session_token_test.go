package client

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"testing"
)

// A client that signed in goes on in its session, and signs in again when that has ended.
func TestSessionIsRefreshed(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		valid := "a1"
		var asked []string
		g.handle(func(w http.ResponseWriter, r *http.Request) {
			var body struct {
				RefreshToken string `json:"refresh_token"`
			}
			_ = json.NewDecoder(r.Body).Decode(&body)
			switch answer := map[string]string{"": `"a1","refresh_token":"r1"`, "r1": `"a2","refresh_token":"r2"`}[body.RefreshToken]; {
			case r.URL.Path == "/auth/login" && r.Header.Get("Natter-Refresh-Token") != "body":
				t.Error("the refresh token was not asked for")
			case r.URL.Path == "/auth/login" || r.URL.Path == "/auth/refresh":
				asked = append(asked, r.URL.Path+" "+body.RefreshToken)
				if answer != "" {
					_, _ = io.WriteString(w, `{"access_token":`+answer+`}`)
					return
				}
			case r.Header.Get("Authorization") == "Bearer "+valid:
				_, _ = io.WriteString(w, `{"id":"u1"}`)
				return
			}
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":{"code":"unauthenticated","message":"expired"}}`)
		})
		c := g.client(PasswordToken("http://natter.test", "a@b.c", "pw", Options{HTTP: g.httpClient()}))
		for _, valid = range []string{"a1", "a2", "a1"} { // the last: r2 is not good any more
			if me, err := c.Me(g.t.Context()); err != nil || me.GetId() != "u1" {
				t.Errorf("Me = %v, %v", me, err)
			}
		}
		if want := []string{"/auth/login ", "/auth/refresh r1", "/auth/refresh r2", "/auth/login "}; !slices.Equal(asked, want) {
			t.Errorf("asked %q, want %q", asked, want)
		}
	})
}
