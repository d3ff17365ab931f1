package client

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/natter-chat/natter/pkg/fault"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	httpv1 "github.com/natter-chat/natter/proto/gen/natter/http/v1"
	"github.com/natter-chat/natter/proto/route"
)

var notFound = http.NotFoundHandler()

func (g *gateway) handle(h http.HandlerFunc) { g.http = h }

// routes serves every route of the .proto files with an empty answer. seen gets the request, put together from path, query
// and body as the gateway does it.
func routes(t *testing.T, seen func(r route.Route, made *http.Request, req proto.Message)) http.Handler {
	t.Helper()
	all, err := route.All()
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for _, r := range all {
		mux.HandleFunc(r.Pattern(), func(w http.ResponseWriter, made *http.Request) {
			kind, err := protoregistry.GlobalTypes.FindMessageByName(r.RPC.Input().FullName())
			if err != nil {
				t.Fatal(err)
			}
			req := kind.New()
			if body, _ := io.ReadAll(made.Body); r.HasBody {
				if err := protojson.Unmarshal(body, req.Interface()); err != nil {
					t.Errorf("%s: %s: %v", r.Pattern(), body, err)
				}
			} else if len(body) > 0 {
				t.Errorf("%s has a body: %s", r.Pattern(), body)
			}
			for _, field := range r.InPath {
				setText(t, req, field, made.PathValue(field.JSONName()))
			}
			for name, values := range made.URL.Query() {
				field := r.RPC.Input().Fields().ByJSONName(name)
				if !slices.Contains(r.InQuery, field) {
					t.Errorf("%s has no parameter %s", r.Pattern(), name)
					continue
				}
				setText(t, req, field, values[0])
			}
			seen(r, made, req.Interface())
			if r.Response != nil && r.Response.IsList() {
				_, _ = io.WriteString(w, `[{"someday":1},{}]`)
				return
			}
			_, _ = io.WriteString(w, `{"someday":1}`)
		})
	}
	return mux
}

func setText(t *testing.T, m protoreflect.Message, field protoreflect.FieldDescriptor, text string) {
	t.Helper()
	switch field.Kind() {
	case protoreflect.StringKind:
		m.Set(field, protoreflect.ValueOfString(text))
	case protoreflect.BoolKind:
		m.Set(field, protoreflect.ValueOfBool(text == "true"))
	default:
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			t.Error(err)
		}
		m.Set(field, protoreflect.ValueOfUint32(uint32(n)))
	}
}

// fill sets every field of a message.
func fill(m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		var value protoreflect.Value
		switch field := fields.Get(i); {
		case field.IsList() && field.Kind() == protoreflect.StringKind:
			m.Mutable(field).List().Append(protoreflect.ValueOfString("x"))
			continue
		case field.Kind() == protoreflect.MessageKind:
			fill(m.Mutable(field).Message())
			continue
		case field.Kind() == protoreflect.StringKind:
			value = protoreflect.ValueOfString("x")
		case field.Kind() == protoreflect.BoolKind:
			value = protoreflect.ValueOfBool(true)
		case field.Kind() == protoreflect.Uint32Kind:
			value = protoreflect.ValueOfUint32(3)
		case field.Kind() == protoreflect.Int32Kind:
			value = protoreflect.ValueOfInt32(3)
		default: // of a timestamp
			value = protoreflect.ValueOfInt64(3)
		}
		m.Set(fields.Get(i), value)
	}
}

// argument is a value of a type, with nothing left out.
func argument(t *testing.T, of reflect.Type) reflect.Value {
	t.Helper()
	v := reflect.New(of).Elem()
	switch {
	case of.Implements(reflect.TypeFor[proto.Message]()):
		v = reflect.New(of.Elem())
		m, _ := reflect.TypeAssert[proto.Message](v)
		fill(m.ProtoReflect())
	case of.Kind() == reflect.Pointer:
		v = reflect.New(of.Elem())
		v.Elem().Set(argument(t, of.Elem()))
	case of.Kind() == reflect.Struct:
		for i := range of.NumField() {
			v.Field(i).Set(argument(t, of.Field(i).Type))
		}
	case of.Kind() == reflect.String:
		v.SetString("x/y")
	case of.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(3e9)
		if of == reflect.TypeFor[int]() {
			v.SetInt(3)
		}
	case v.CanUint():
		v.SetUint(3)
	case of == reflect.TypeFor[SendOption]():
		v.Set(reflect.ValueOf(SendOption(func(s *clientv1.Send) { fill(s.ProtoReflect()) })))
	default:
		t.Fatalf("no argument of type %v", of)
	}
	return v
}

// Every method of Client makes the request of a route and leaves out no field of it; every route has a method.
func TestEveryRouteHasAMethod(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		var last route.Route
		missing, isPart := map[string]bool{}, false
		g.http = routes(t, func(r route.Route, made *http.Request, req proto.Message) {
			last = r
			delete(missing, r.Pattern())
			if auth := made.Header.Get("Authorization"); (auth == "Bearer token") != (r.Access == httpv1.Access_ACCESS_USER) {
				t.Errorf("%s has authorization %q", r.Pattern(), auth)
			}
			fields := req.ProtoReflect().Descriptor().Fields()
			for i := range fields.Len() {
				if !req.ProtoReflect().Has(fields.Get(i)) && r.Access == httpv1.Access_ACCESS_USER && !isPart {
					t.Errorf("%s is without %s", r.Pattern(), fields.Get(i).JSONName())
				}
			}
		})
		all, err := route.All()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			missing[r.Pattern()] = true
		}
		c := g.client(StaticToken("token"))
		for _, with := range []proto.Message{
			&authv1.RegisterRequest{}, &authv1.LoginRequest{}, &authv1.GoogleLoginRequest{}, &authv1.ExchangeCodeRequest{},
		} {
			if _, err := c.SignIn(g.t.Context(), with); err != nil {
				t.Error(err)
			}
			c.tokens.set("token")
		}
		for name, method := range reflect.ValueOf(c).Methods() {
			if slices.Contains([]string{"Connect", "SignIn", "SignOn", "Register", "Login", "Logout", "Upload", "UploadAvatar", "Download"}, name.Name) {
				continue
			}
			isPart = slices.Contains([]string{"CreateRoom", "SetRole", "Mute", "Kick"}, name.Name) // of a longer one
			args := []reflect.Value{reflect.ValueOf(g.t.Context())}
			for i := 1; i < method.Type().NumIn(); i++ {
				of := method.Type().In(i)
				if method.Type().IsVariadic() && i == method.Type().NumIn()-1 {
					of = of.Elem()
				}
				args = append(args, argument(t, of))
			}
			results := method.Call(args)
			if err, _ := reflect.TypeAssert[error](results[len(results)-1]); err != nil {
				t.Errorf("%s: %v", name.Name, err)
			}
			if list := results[0]; list.Kind() == reflect.Slice && last.Response != nil && list.Len() != 2 {
				t.Errorf("%s returned %d of 2", name.Name, list.Len())
			}
		}
		for pattern := range missing {
			t.Errorf("no method makes %s", pattern)
		}
	})
}

func TestIDsStayInTheirPlace(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		c := g.client(StaticToken("token"))
		for _, id := range []string{"", "..", "."} {
			if _, err := c.GetRoom(g.t.Context(), id); fault.CodeOf(err) != fault.InvalidArgument {
				t.Errorf("GetRoom(%q) = %v", id, err)
			}
		}
		got := ""
		g.handle(func(w http.ResponseWriter, r *http.Request) {
			got = r.URL.EscapedPath() + "?" + r.URL.RawQuery
			_, _ = io.WriteString(w, "[]")
		})
		if _, err := c.Members(g.t.Context(), "a/../b", "c&d", 0); err != nil || got != "/chat/rooms/a%2F..%2Fb/members?after=c%26d" {
			t.Errorf("asked for %s (%v)", got, err)
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

func TestSecondsAreRoundedUp(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]uint32{0: 0, 1: 1, time.Second: 1, 1500 * time.Millisecond: 2, time.Hour: 3600} {
		if got := seconds(d); got != want {
			t.Errorf("seconds(%v) = %d, want %d", d, got, want)
		}
	}
}
