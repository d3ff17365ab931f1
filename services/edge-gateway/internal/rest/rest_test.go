package rest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	messagestorev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
	"github.com/natter-chat/natter/proto/route"
	"github.com/natter-chat/natter/services/edge-gateway/internal/ratelimit"
	"github.com/natter-chat/natter/services/edge-gateway/internal/rest"
)

func TestRequestsReachTheirServices(t *testing.T) {
	t.Parallel()
	f := start(t)
	const roomJSON = `{"id":"` + room + `","name":"<General> & ` + "\u2028" + `","description":"","isPrivate":false,"members":[],"memberCount":0,"createdAt":"1970-01-01T00:00:01.500Z",` +
		`"kind":"","topic":"","avatar":"","isArchived":false,"isAnnouncement":false,"slowModeSeconds":0}`
	for name, test := range map[string]struct {
		method, target, body string
		want                 proto.Message
		status               int
		answer               string
	}{
		"public, with a body": {
			"POST", "/auth/login", `{"email":"a@b.c","password":"p","later":{}}`, &authv1.LoginRequest{Email: "a@b.c", Password: "p"},
			200, `{"access_token":"t","user":{"id":"u","email":"","username":"","avatar":"","isBot":false}}`,
		},
		"a status of its own, a message as the answer": {
			"POST", "/chat/rooms", `{"name":"a","isPrivate":true}`, &roomsv1.CreateRoomRequest{Name: "a", IsPrivate: true}, 201, roomJSON,
		},
		"no body is an empty one":  {"POST", "/chat/rooms", ``, &roomsv1.CreateRoomRequest{}, 201, roomJSON},
		"a field as the answer":    {"GET", "/chat/rooms?after=x%2Fy&limit=7&joined=true&later=1", "", &roomsv1.ListRoomsRequest{After: "x/y", Limit: 7, Joined: true}, 200, "[" + roomJSON + "," + roomJSON + "]"},
		"an empty array":           {"GET", "/chat/rooms/" + room + "/members", "", &roomsv1.ListMembersRequest{RoomId: room}, 200, "[]"},
		"the path wins over body":  {"POST", "/chat/rooms/" + room + "/members", `{"roomId":"x","userId":"u"}`, &roomsv1.AddMemberRequest{RoomId: room, UserId: "u"}, 201, `{"role":"member"}`},
		"the path wins over query": {"DELETE", "/chat/rooms/" + room + "/members/u%20v?ban=true&userId=w", "", &roomsv1.RemoveMemberRequest{RoomId: room, UserId: "u v", Ban: true}, 200, "{}"},
		"a number in the path":     {"GET", "/chat/rooms/" + room + "/messages/7/edits?after=9&seq=1", "", &messagestorev1.ListEditsRequest{RoomId: room, Seq: 7, After: 9}, 200, "[]"},
		"an optional field": {
			"GET", "/chat/rooms/" + room + "/messages?before=0", "", &messagestorev1.ListMessagesRequest{RoomId: room, Before: new(uint32(0))}, 200,
			`[{"_id":"` + room + `:1","seq":1,"ordinal":0,"roomId":"","userId":"","username":"","avatar":"","content":"","type":"","fileUrl":"","isEdited":false,` +
				`"reactions":[],"replyTo":0,"isDeleted":false,"isPinned":false,"nonce":"","mentions":[],"thread":0,"threadOrdinal":0}]`,
		},
	} {
		w := f.do(test.method, test.target, test.body)
		if w.Code != test.status || strings.TrimSpace(w.Body.String()) != test.answer {
			t.Errorf("%s: got %d %s\nwant %d %s", name, w.Code, w.Body, test.status, test.answer)
		}
		if got := f.requests(); !proto.Equal(got[len(got)-1], test.want) {
			t.Errorf("%s: the service got %v, want %v", name, got[len(got)-1], test.want)
		}
		if w.Header().Get("Content-Type") != "application/json" || w.Header().Get("X-Request-Id") == "" {
			t.Errorf("%s: headers %v", name, w.Header())
		}
	}
}

func TestTheServiceKnowsTheCaller(t *testing.T) {
	t.Parallel()
	f := start(t)
	w := f.do("POST", "/chat/rooms/"+room+"/join", "")
	if want := `"creator":{"id":"` + f.user.String() + `","username":"alice"`; w.Code != 200 || !strings.Contains(w.Body.String(), want) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	f := start(t)
	big := `{"name":"` + strings.Repeat("x", 64<<10) + `"}`
	deep := `{"name":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`
	for _, test := range []struct {
		name, method, target, body, header string
		status                             int
		code, field                        string
	}{
		{"no token", "GET", "/auth/me", "", "Authorization: ", 401, "unauthenticated", ""},
		{"another scheme", "GET", "/auth/me", "", "Authorization: Basic YTpi", 401, "unauthenticated", ""},
		{"forged token", "GET", "/auth/me", "", "Authorization: Bearer " + f.token[:len(f.token)-8] + "AAAAAAAA", 401, "unauthenticated", ""},
		{"token in the URL", "GET", "/auth/me?access_token=" + f.token, "", "Authorization: ", 401, "unauthenticated", ""},
		{"unknown path", "GET", "/chat", "", "", 404, "not_found", ""},
		{"trailing slash", "GET", "/chat/rooms/", "", "", 404, "not_found", ""},
		{"wrong method", "PUT", "/chat/rooms", "{}", "", 405, "unimplemented", ""},
		{"another content type", "POST", "/auth/login", `email=a`, "Content-Type: application/x-www-form-urlencoded", 415, "invalid_argument", "body"},
		{"no content type", "POST", "/auth/login", `{}`, "Content-Type: ", 415, "invalid_argument", "body"},
		{"not JSON", "POST", "/auth/login", `email`, "", 400, "invalid_argument", "body"},
		{"an array", "POST", "/auth/login", `[]`, "", 400, "invalid_argument", "body"},
		{"trailing garbage", "POST", "/auth/login", `{} {}`, "", 400, "invalid_argument", "body"},
		{"wrong type", "POST", "/auth/login", `{"email":1}`, "", 400, "invalid_argument", "email"},
		{"too deep", "POST", "/chat/rooms", deep, "", 400, "invalid_argument", "name"},
		{"too large", "POST", "/chat/rooms", big, "", 413, "invalid_argument", "body"},
		{"invalid UTF-8 in the path", "GET", "/chat/rooms/%ff/members", "", "", 400, "invalid_argument", "roomId"},
		{"invalid UTF-8 in the query", "GET", "/chat/rooms?after=%ff", "", "", 400, "invalid_argument", "after"},
		{"malformed query", "GET", "/chat/rooms?after=%zz", "", "", 400, "invalid_argument", "query"},
		{"not a number in the path", "GET", "/chat/rooms/" + room + "/messages/x", "", "", 400, "invalid_argument", "seq"},
		{"too large a number in the path", "GET", "/chat/rooms/" + room + "/messages/4294967296", "", "", 400, "invalid_argument", "seq"},
		{"not a number", "GET", "/chat/rooms?limit=-1", "", "", 400, "invalid_argument", "limit"},
		{"too large a number", "GET", "/chat/rooms?limit=4294967296", "", "", 400, "invalid_argument", "limit"},
		{"not a boolean", "GET", "/chat/rooms?joined=yes", "", "", 400, "invalid_argument", "joined"},
		{"given twice", "GET", "/chat/rooms?limit=1&limit=2", "", "", 400, "invalid_argument", "limit"},
	} {
		w := f.do(test.method, test.target, test.body, test.header)
		checkError(t, test.name, w, test.status, test.code, test.field)
		if got := w.Header().Get("WWW-Authenticate"); (got == "Bearer") != (test.status == 401) {
			t.Errorf("%s: WWW-Authenticate: %s", test.name, got)
		}
	}
	if w := f.do("PUT", "/chat/rooms", ""); w.Header().Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("Allow: %s", w.Header().Get("Allow"))
	}
	if got := f.requests(); len(got) != 0 {
		t.Errorf("a service was asked: %v", got)
	}
	if strings.Contains(f.log.String(), f.token) {
		t.Error("the token is in the log")
	}
}

// checkError: an error has the form of all errors.
func checkError(t *testing.T, name string, w *httptest.ResponseRecorder, status int, code, field string) {
	t.Helper()
	body := w.Body.String()
	prefix, suffix := `{"error":{"code":"`+code+`","message":"`, "\"}}\n"
	if field != "" {
		suffix = `","field":"` + field + suffix
	}
	if w.Code != status || !strings.HasPrefix(body, prefix) || !strings.HasSuffix(body, suffix) || len(body) < len(prefix)+len(suffix)+5 {
		t.Errorf("%s: got %d %s, want %d %s %q", name, w.Code, body, status, code, field)
	}
}

func TestErrorsOfServices(t *testing.T) {
	t.Parallel()
	f := start(t)
	for name, test := range map[string]struct {
		err         error
		status      int
		code, field string
		retryAfter  string
	}{
		"refused":     {fault.New(fault.PermissionDenied, "not yours"), 403, "permission_denied", "", ""},
		"a field":     {fault.Invalid("name", "too long"), 400, "invalid_argument", "name", ""},
		"come back":   {fault.New(fault.Unavailable, "not now").WithRetryAfter(1200 * time.Millisecond), 503, "unavailable", "", "2"},
		"our own bug": {errors.New("password=hunter2"), 500, "internal", "", ""},
	} {
		f.failWith(test.err)
		w := f.do("POST", "/chat/rooms", "{}")
		checkError(t, name, w, test.status, test.code, test.field)
		if got := w.Header().Get("Retry-After"); got != test.retryAfter {
			t.Errorf("%s: Retry-After: %q", name, got)
		}
		if strings.Contains(w.Body.String(), "hunter2") {
			t.Errorf("%s: the cause is shown: %s", name, w.Body)
		}
	}
	checkError(t, "nobody serves it", f.do("GET", "/auth/me", ""), 503, "unavailable", "")
}

func TestRateIsPerUserOrAddress(t *testing.T) {
	t.Parallel()
	f := start(t, func(d *rest.Deps) {
		d.Config.RateAuth = ratelimit.Rate{Count: 2, Per: time.Hour}
		d.Config.RateWrite = ratelimit.Rate{Count: 1, Per: time.Hour}
	})
	var got []int
	for _, ip := range []string{"192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"} {
		r := httptest.NewRequest(http.MethodPost, "/auth/login", nil)
		r.RemoteAddr = ip + ":1234"
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, r)
		got = append(got, w.Code)
	}
	if !slices.Equal(got, []int{200, 200, 429, 200}) {
		t.Errorf("by address: %v", got)
	}
	if w := f.do("POST", "/chat/rooms", ""); w.Code != 201 {
		t.Errorf("the first: %d", w.Code)
	}
	w := f.do("POST", "/chat/rooms", "")
	checkError(t, "the second", w, 429, "resource_exhausted", "")
	if w.Header().Get("Retry-After") != "3600" {
		t.Errorf("Retry-After: %s", w.Header().Get("Retry-After"))
	}
	if w := f.do("GET", "/chat/rooms", ""); w.Code != 200 {
		t.Errorf("another class: %d", w.Code)
	}
}

func TestPagesOfOtherOrigins(t *testing.T) {
	t.Parallel()
	f := start(t, func(d *rest.Deps) {
		d.Config.Origins = []string{"app.example.org", "http://localhost:*", "*.example.net"}
	})
	for origin, want := range map[string]bool{
		"https://app.example.org": true, "https://APP.example.org": true, "http://localhost:3000": true, "https://a.example.net": true,
		"https://localhost:3000": false, "https://app.example.org.evil.com": false, "https://evil.com/app.example.org": false, "null": false,
	} {
		preflight := f.do("OPTIONS", "/chat/rooms", "", "Origin: "+origin, "Access-Control-Request-Method: POST", "Authorization: ")
		if got := preflight.Code == 204 && strings.Contains(preflight.Header().Get("Access-Control-Allow-Headers"), "Authorization"); got != want {
			t.Errorf("%s: preflight %d %v", origin, preflight.Code, preflight.Header())
		}
		w := f.do("GET", "/chat/rooms", "", "Origin: "+origin)
		if got := w.Header().Get("Access-Control-Allow-Origin") == origin; got != want || w.Code != 200 {
			t.Errorf("%s: %d %v", origin, w.Code, w.Header())
		}
		if w.Header().Get("Access-Control-Allow-Credentials") != "" || !slices.Contains(w.Header().Values("Vary"), "Origin") {
			t.Errorf("%s: %v", origin, w.Header())
		}
	}
	if w := f.do("OPTIONS", "/chat/rooms", ""); w.Code != 405 {
		t.Errorf("OPTIONS without an origin: %d", w.Code)
	}
}

type panicking struct{}

func (panicking) Verify(context.Context, string) (authn.Identity, error) {
	panic("a bug")
}

func TestPanicIsOneRequestsError(t *testing.T) {
	t.Parallel()
	f := start(t, func(d *rest.Deps) { d.Verifier = panicking{} })
	w := f.do("GET", "/chat/rooms", "", "X-Request-Id: from-the-proxy")
	checkError(t, "panic", w, 500, "internal", "")
	if w.Header().Get("X-Request-Id") != "from-the-proxy" || !strings.Contains(f.log.String(), "request_id=from-the-proxy") ||
		!strings.Contains(f.log.String(), "a bug") || strings.Contains(w.Body.String(), "a bug") {
		t.Errorf("answer %v %s\nlog %s", w.Header(), w.Body, f.log)
	}
	if w := f.do("POST", "/auth/login", ""); w.Code != 200 {
		t.Errorf("afterwards: %d", w.Code)
	}
}

func TestMadeUpRequestIDIsReplaced(t *testing.T) {
	t.Parallel()
	f := start(t)
	for _, id := range []string{"a b", "x=\"y\"", strings.Repeat("x", 65)} {
		if got := f.do("GET", "/docs", "", "X-Request-Id: "+id).Header().Get("X-Request-Id"); got == id || got == "" {
			t.Errorf("%q became %q", id, got)
		}
	}
}

func TestLargeAnswersAreCompressed(t *testing.T) {
	t.Parallel()
	f := start(t)
	plain := f.do("GET", "/docs/openapi.yaml", "").Body.Bytes()
	w := f.do("GET", "/docs/openapi.yaml", "", "Accept-Encoding: gzip")
	zr, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatalf("%v: %v", err, w.Header())
	}
	if unzipped, err := io.ReadAll(zr); err != nil || !bytes.Equal(plain, unzipped) || !bytes.HasPrefix(plain, []byte("# Generated")) {
		t.Errorf("%d bytes became %d, error %v", len(plain), len(unzipped), err)
	}
	if w := f.do("GET", "/chat/rooms/"+room+"/members", "", "Accept-Encoding: gzip"); w.Header().Get("Content-Encoding") != "" {
		t.Error("a small answer is compressed")
	}
}

func TestKeysAndPage(t *testing.T) {
	t.Parallel()
	f := start(t)
	if w := f.do("GET", "/.well-known/jwks.json", "", "Authorization: "); w.Code != 200 || !strings.HasPrefix(w.Body.String(), `{"keys":[`) ||
		w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "public, max-age=60" {
		t.Errorf("keys: %d %v %s", w.Code, w.Header(), w.Body)
	}
	tag := f.do("GET", "/.well-known/jwks.json", "").Header().Get("ETag")
	if w := f.do("GET", "/.well-known/jwks.json", "", "If-None-Match: "+tag); w.Code != 304 || w.Body.Len() != 0 ||
		w.Header().Get("ETag") != tag || tag == "" || w.Header().Get("Cache-Control") != "public, max-age=60" {
		t.Errorf("the same keys again: %d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := f.do("GET", "/.well-known/jwks.json", "", `If-None-Match: "another"`); w.Code != 200 || w.Body.Len() == 0 {
		t.Errorf("other keys: %d %s", w.Code, w.Body)
	}
	if w := f.do("GET", "/docs", "", "Authorization: "); w.Code != 200 || !strings.Contains(w.Body.String(), "<h1>Natter") ||
		w.Header().Get("Content-Security-Policy") == "" || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("page: %d %v", w.Code, w.Header())
	}
}

// Metrics are labelled by pattern: neither ids nor made-up paths become labels, also below another mux.
func TestMetrics(t *testing.T) {
	t.Parallel()
	f := start(t)
	mux := http.NewServeMux()
	mux.Handle("/", f.handler)
	f.handler = mux
	f.do("GET", "/chat/rooms/"+room+"/members", "")
	f.do("GET", "/made/up", "")
	f.do("PUT", "/chat/rooms", "")
	families, err := f.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	metrics := fmt.Sprint(families)
	for _, want := range []string{`"GET /chat/rooms/{roomId}/members"`, `"200"`, `"none"`, `"404"`, `"405"`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in %s", want, metrics)
		}
	}
	for _, never := range []string{room, "made", `"/"`} {
		if strings.Contains(metrics, never) {
			t.Errorf("%s in %s", never, metrics)
		}
	}
}

func TestTwoRoutesForOneRequestAreRefused(t *testing.T) {
	t.Parallel()
	routes, err := route.All()
	if err != nil {
		t.Fatal(err)
	}
	clash := routes[0]
	clash.Method, clash.Path = "GET", "/docs"
	_, err = rest.New(rest.Deps{Routes: append(routes, clash), Metrics: prometheus.NewRegistry()})
	if err == nil || !strings.Contains(err.Error(), "GET /docs") {
		t.Errorf("got %v", err)
	}
}
