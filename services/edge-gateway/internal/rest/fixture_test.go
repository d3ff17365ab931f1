package rest_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/config"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/roomlog"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/testkit"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	messagestorev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
	"github.com/natter-chat/natter/proto/route"
	"github.com/natter-chat/natter/services/edge-gateway/internal/own"
	"github.com/natter-chat/natter/services/edge-gateway/internal/rest"
	"github.com/natter-chat/natter/services/edge-gateway/internal/upload"
)

const room = "0193c3a0-0000-7000-8000-000000000001"

// fixture is the API in front of services that are real on the bus, and answer with what they were asked.
type fixture struct {
	handler http.Handler
	token   string
	user    ids.User
	log     *bytes.Buffer
	metrics *prometheus.Registry

	mu      sync.Mutex
	seen    []proto.Message
	fail    error // what every service answers from now on
	files   store
	uploads *upload.Service
	// refresh is the refresh token that a sign-in returns; empty: none, as when the address is to be verified first.
	refresh string
}

func (f *fixture) signedIn() *authv1.SignedIn {
	f.mu.Lock()
	defer f.mu.Unlock()
	in := &authv1.SignedIn{AccessToken: "t", User: &chatv1.User{Id: "u"}}
	if f.refresh != "" {
		in.RefreshToken = new(f.refresh)
	}
	return in
}

func start(t *testing.T, change ...func(*rest.Deps)) *fixture {
	t.Helper()
	nc, err := nats.Connect(testkit.NATS(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	f := &fixture{user: ids.New[ids.User](), log: new(bytes.Buffer), metrics: prometheus.NewRegistry()}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	jwks, err := authn.EncodeKeys(map[string]ed25519.PublicKey{"k1": public})
	if err != nil {
		t.Fatal(err)
	}
	caller := authn.Caller{User: f.user, Username: "alice"}
	if f.token, err = authn.Sign(authn.Identity{Caller: caller, ExpiresAt: time.Now().Add(time.Hour)}, "k1", private); err != nil {
		t.Fatal(err)
	}
	serve(t, nc, "auth", func(s *rpc.Server) error {
		return errors.Join(
			rpc.Handle(s, "GetKeys", func(context.Context, *authv1.GetKeysRequest) (*authv1.GetKeysResponse, error) {
				return &authv1.GetKeysResponse{Jwks: jwks}, nil
			}),
			rpc.Handle(s, "Login", func(ctx context.Context, req *authv1.LoginRequest) (*authv1.SignedIn, error) {
				return answer[*authv1.LoginRequest](f, f.signedIn())(ctx, req)
			}),
			rpc.Handle(s, "Refresh", func(ctx context.Context, req *authv1.RefreshRequest) (*authv1.SignedIn, error) {
				return answer[*authv1.RefreshRequest](f, f.signedIn())(ctx, req)
			}),
			rpc.Handle(s, "Logout", answer[*authv1.LogoutRequest](f, &authv1.LogoutResponse{})),
			rpc.Handle(s, "BeginSignOn", answer[*authv1.BeginSignOnRequest](f, &authv1.BeginSignOnResponse{
				Url: "https://accounts.example.org/", State: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", Attempt: "sealed", AttemptSeconds: 600,
			})),
			rpc.Handle(s, "FinishSignOn", func(ctx context.Context, req *authv1.FinishSignOnRequest) (*authv1.FinishSignOnResponse, error) {
				return answer[*authv1.FinishSignOnRequest](f, &authv1.FinishSignOnResponse{Url: "/rooms", SignedIn: f.signedIn()})(ctx, req)
			}),
		)
	})
	theRoom := &chatv1.Room{Id: room, Name: "<General> & \u2028", CreatedAt: timestamppb.New(time.UnixMilli(1500).UTC())}
	serve(t, nc, "rooms", func(s *rpc.Server) error {
		return errors.Join(
			rpc.Handle(s, "CreateRoom", answer[*roomsv1.CreateRoomRequest](f, theRoom)),
			rpc.Handle(s, "ListRooms", answer[*roomsv1.ListRoomsRequest](f, &roomsv1.ListRoomsResponse{Rooms: []*chatv1.Room{theRoom, theRoom}})),
			rpc.Handle(s, "ListMembers", answer[*roomsv1.ListMembersRequest](f, &roomsv1.ListMembersResponse{})),
			rpc.Handle(s, "AddMember", answer[*roomsv1.AddMemberRequest](f, &chatv1.Member{Role: "member"})),
			rpc.Handle(s, "RemoveMember", answer[*roomsv1.RemoveMemberRequest](f, &roomsv1.RemoveMemberResponse{})),
			rpc.Handle(s, "JoinRoom", func(ctx context.Context, _ *roomsv1.JoinRoomRequest) (*chatv1.Room, error) {
				c, err := rpc.Caller(ctx)
				return &chatv1.Room{Creator: &chatv1.UserRef{Id: c.User.String(), Username: c.Username}}, err
			}),
		)
	})
	serve(t, nc, "message-store", func(s *rpc.Server) error {
		return errors.Join(
			rpc.Handle(s, "ListMessages", answer[*messagestorev1.ListMessagesRequest](f, &messagestorev1.ListMessagesResponse{
				Messages: []*chatv1.Message{{Id: room + ":1", Seq: 1}}, More: true,
			})),
			rpc.Handle(s, "ListEdits", answer[*messagestorev1.ListEditsRequest](f, &messagestorev1.ListEditsResponse{})),
			f.files.serve(s),
		)
	})
	if _, err := nc.Subscribe("natter.in.*.*", f.takeCommands); err != nil {
		t.Fatal(err)
	}
	client := rpc.NewClient(nc)
	verifier := authn.NewVerifier(func(ctx context.Context) ([]byte, error) {
		res, err := rpc.Call[*authv1.GetKeysResponse](ctx, client, "auth", "GetKeys", &authv1.GetKeysRequest{})
		return res.GetJwks(), err
	})
	routes, err := route.All()
	if err != nil {
		t.Fatal(err)
	}
	d := rest.Deps{
		Routes: routes, Caller: client, Own: own.Calls{Log: roomlog.NewSender(nc)}, Verifier: verifier, Metrics: f.metrics,
		Log: slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	if err := config.NewSource(nil).Load(&d.Config); err != nil {
		t.Fatal(err)
	}
	f.files.dir = t.TempDir()
	limits := upload.Config{URL: "file://" + f.files.dir, MaxBytes: maxFile, MaxPixels: 1_000_000, Uploads: 10, Stall: 10 * time.Second, Sweep: time.Hour}
	f.uploads = f.files.open(t, limits, client)
	d.Files = f.uploads
	for _, c := range change {
		c(&d)
	}
	if f.handler, err = rest.New(d); err != nil {
		t.Fatal(err)
	}
	return f
}

func serve(t *testing.T, nc *nats.Conn, service string, handle func(*rpc.Server) error) {
	t.Helper()
	s, err := rpc.NewServer(nc, service, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := handle(s); err != nil {
		t.Fatal(err)
	}
}

// answer is a method that remembers its request.
func answer[Req, Res proto.Message](f *fixture, res Res) func(context.Context, Req) (Res, error) {
	return func(_ context.Context, req Req) (Res, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.seen = append(f.seen, req)
		return res, f.fail
	}
}

// do sends a request as the fixture's user. header is "Name: value" lines that replace what it would send.
func (f *fixture) do(method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+f.token)
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return w
}

func (f *fixture) requests() []proto.Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.seen)
}

// failWith makes the services fail from now on.
func (f *fixture) failWith(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = err
}
