package client

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/natter-chat/natter/pkg/fault"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	httpv1 "github.com/natter-chat/natter/proto/gen/natter/http/v1"
	messagestorev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
)

var notFound = http.NotFoundHandler()

func (g *gateway) handle(h http.HandlerFunc) { g.http = h }

// declared reports whether a route of the .proto files takes this request, and that it knows its query parameters.
func declared(t *testing.T, r *http.Request) bool {
	t.Helper()
	for _, file := range []protoreflect.FileDescriptor{
		authv1.File_natter_auth_v1_auth_proto, authv1.File_natter_auth_v1_accounts_proto, roomsv1.File_natter_rooms_v1_rooms_proto,
		messagestorev1.File_natter_message_store_v1_message_store_proto,
	} {
		methods := file.Services().Get(0).Methods()
		for i := range methods.Len() {
			route, _ := proto.GetExtension(methods.Get(i).Options(), httpv1.E_Route).(*httpv1.Route)
			path := regexp.MustCompile("^" + regexp.MustCompile(`\{\w+\}`).ReplaceAllString(route.GetPath(), "[^/]+") + "$")
			if route.GetMethod() != r.Method || !path.MatchString(r.URL.EscapedPath()) {
				continue
			}
			for name := range r.URL.Query() {
				if methods.Get(i).Input().Fields().ByJSONName(name) == nil {
					t.Errorf("%s %s has no parameter %s", r.Method, r.URL.Path, name)
				}
			}
			return true
		}
	}
	return false
}

func TestEveryCallIsADeclaredRoute(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		var got, body string
		answers := map[string]string{"one": `{"id":"r1","name":"lobby","someday":1}`, "list": `[{"_id":"r1:7","seq":7},{}]`}
		kind := "one"
		g.handle(func(w http.ResponseWriter, r *http.Request) {
			if !declared(t, r) {
				t.Errorf("%s %s is not a route", r.Method, r.URL.Path)
			}
			data, _ := io.ReadAll(r.Body)
			got, body = r.Method+" "+r.URL.RequestURI(), strings.ReplaceAll(string(data), " ", "")
			if auth := r.Header.Get("Authorization"); (auth == "Bearer token") == strings.HasPrefix(r.URL.Path, "/auth/l") {
				t.Errorf("%s has authorization %q", got, auth)
			}
			_, _ = io.WriteString(w, answers[kind])
		})
		c, ctx := g.client(StaticToken("token")), g.t.Context()
		for _, tt := range []struct {
			want, body string
			call       func() (n int, err error)
		}{
			{"GET /auth/me", "", func() (int, error) { _, err := c.Me(ctx); return 0, err }},
			{"POST /chat/rooms", `{"name":"lobby","description":"d","isPrivate":true}`, func() (int, error) {
				room, err := c.CreateRoom(ctx, "lobby", "d", true)
				return len(room.GetName()) - 5, err
			}},
			{"GET /chat/rooms?after=r0&joined=true&limit=7", "", func() (int, error) {
				rooms, err := c.ListRooms(ctx, "r0", 7, true)
				return len(rooms), err
			}},
			{"GET /chat/rooms/r1", "", func() (int, error) { _, err := c.GetRoom(ctx, "r1"); return 0, err }},
			{"POST /chat/rooms/r1/join", "", func() (int, error) { _, err := c.JoinRoom(ctx, "r1"); return 0, err }},
			{"POST /chat/rooms/r1/leave", "", func() (int, error) { return 0, c.LeaveRoom(ctx, "r1") }},
			{"GET /chat/rooms/r1/members?after=u1", "", func() (int, error) {
				members, err := c.Members(ctx, "r1", "u1", 0)
				return len(members), err
			}},
			{"POST /chat/rooms/r1/members", `{"userId":"u2"}`, func() (int, error) { _, err := c.AddMember(ctx, "r1", "u2"); return 0, err }},
			{"DELETE /chat/rooms/r1/members/u%2F2?ban=true", "", func() (int, error) { return 0, c.RemoveMember(ctx, "r1", "u/2", true) }},
			{"GET /chat/rooms/r1/messages?before=8&limit=2", "", func() (int, error) {
				messages, err := c.Messages(ctx, "r1", Which{Before: 8, Limit: 2})
				if err == nil && (messages[0].GetSeq() != 7 || messages[0].GetId() != "r1:7") {
					t.Errorf("message %v", messages[0])
				}
				return len(messages), err
			}},
			{"POST /auth/login", `{"email":"a@b.c","password":"pw"}`, func() (int, error) { _, err := c.Login(ctx, "a@b.c", "pw"); return 0, err }},
		} {
			kind = "one"
			if strings.Contains(tt.want, "?after") || strings.Contains(tt.want, "?before") {
				kind = "list"
			}
			n, err := tt.call()
			if err != nil || got != tt.want || body != tt.body || (kind == "list") != (n == 2) {
				t.Errorf("%s %s → %d, %v; want %s %s", got, body, n, err, tt.want, tt.body)
			}
		}
		for _, id := range []string{"", "..", "."} {
			if _, err := c.GetRoom(ctx, id); fault.CodeOf(err) != fault.InvalidArgument {
				t.Errorf("GetRoom(%q) = %v", id, err)
			}
		}
	})
}

func TestRegisterSignsIn(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		g.handle(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/auth/register" {
				w.WriteHeader(http.StatusCreated)
				_, _ = io.WriteString(w, `{"access_token":"fresh","user":{"id":"u1","username":"ana"}}`)
				return
			}
			if r.Header.Get("Authorization") != "Bearer fresh" {
				t.Errorf("%s with %q", r.URL.Path, r.Header.Get("Authorization"))
			}
			_, _ = io.WriteString(w, `{"id":"u1"}`)
		})
		c := g.client(nil)
		if _, err := c.Me(g.t.Context()); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("Me without a token = %v", err)
		}
		signedIn, err := c.Register(g.t.Context(), "a@b.c", "ana", "pw")
		if err != nil || signedIn.GetUser().GetUsername() != "ana" {
			t.Fatalf("Register = %v, %v", signedIn, err)
		}
		if me, err := c.Me(g.t.Context()); err != nil || me.GetId() != "u1" {
			t.Errorf("Me = %v, %v", me, err)
		}
	})
}

func TestPasswordTokenIsRenewedAfter401(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		logins := 0
		g.handle(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/auth/login":
				logins++
				_ = json.NewEncoder(w).Encode(map[string]string{"access_token": map[int]string{1: "old", 2: "new"}[logins]})
			case r.Header.Get("Authorization") == "Bearer new":
				_, _ = io.WriteString(w, `{"id":"u1"}`)
			default:
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = io.WriteString(w, `{"error":{"code":"unauthenticated","message":"expired"}}`)
			}
		})
		c := g.client(PasswordToken("http://natter.test", "a@b.c", "pw", Options{HTTP: g.httpClient()}))
		for range 2 {
			if me, err := c.Me(g.t.Context()); err != nil || me.GetId() != "u1" {
				t.Errorf("Me = %v, %v", me, err)
			}
		}
		if logins != 2 {
			t.Errorf("%d logins, want 2", logins)
		}
	})
}

func TestHTTPErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
		header string
		body   string
		want   Error
	}{
		{"named", 400, "", `{"error":{"code":"invalid_argument","message":"too long","field":"name"}}`,
			Error{Code: fault.InvalidArgument, Message: "too long", Field: "name"}},
		{"with a wait", 429, "2", `{"error":{"code":"resource_exhausted","message":"slow down"}}`,
			Error{Code: fault.ResourceExhausted, Message: "slow down", RetryAfter: 2 * time.Second}},
		{"a proxy's", 502, "", `<html>`, Error{Code: fault.Unavailable, Message: "natter.test answered 502 Bad Gateway; is it a Natter server?"}},
		{"another server's", 404, "", `page not found`, Error{Code: fault.NotFound, Message: "natter.test answered 404 Not Found; is it a Natter server?"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in(t, func(g *gateway) {
				g.handle(func(w http.ResponseWriter, _ *http.Request) {
					if tt.header != "" {
						w.Header().Set("Retry-After", tt.header)
					}
					w.WriteHeader(tt.status)
					_, _ = io.WriteString(w, tt.body)
				})
				_, err := g.client(StaticToken("token")).GetRoom(g.t.Context(), "r1")
				if f := fault.From(err); f.Code != tt.want.Code || f.Message != tt.want.Message || f.Field != tt.want.Field ||
					f.RetryAfter != tt.want.RetryAfter {
					t.Errorf("error %#v, want %#v", f, tt.want)
				}
			})
		})
	}
}

func TestNewChecksTheAddress(t *testing.T) {
	t.Parallel()
	for _, server := range []string{"", "localhost:8080", "ftp://x", "http://", "http://a b"} {
		if _, err := New(server, Options{}); fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("New(%q) = %v", server, err)
		}
	}
}
