package rpc_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/testkit"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// newPair returns a server of the service "test" and a client of it.
func newPair(t *testing.T) (*rpc.Server, *rpc.Client, *nats.Conn) {
	t.Helper()
	nc, err := nats.Connect(testkit.NATS(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	server, err := rpc.NewServer(nc, "test", slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close(context.Background()) })
	return server, rpc.NewClient(nc), nc
}

func TestCallerAndDeadlineTravel(t *testing.T) {
	t.Parallel()
	server, client, nc := newPair(t)
	who := authn.Caller{User: ids.New[ids.User](), Username: "Ada\r\nX: y 🦊", Avatar: "a.png", Email: "ada@example.org", Session: ids.New[ids.Session]()}
	from := authn.Client{Address: "2001:db8::1", UserAgent: "agent\r\nX: y 🦊" + strings.Repeat("x", 300)}
	var gotCaller authn.Caller
	var gotClient authn.Client
	var left time.Duration
	err := rpc.Handle(server, "GetMe", func(ctx context.Context, _ *authv1.GetMeRequest) (*chatv1.User, error) {
		deadline, _ := ctx.Deadline()
		left = time.Until(deadline)
		c, err := rpc.Caller(ctx)
		gotCaller, gotClient = c, rpc.ClientOf(ctx)
		return &chatv1.User{Id: c.User.String(), Username: c.Username, Avatar: c.Avatar, Email: c.Email}, err
	})
	if err = errors.Join(err, nc.Flush()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	got, err := rpc.Call[*chatv1.User](rpc.WithClient(rpc.WithCaller(ctx, who), from), client, "test", "GetMe", &authv1.GetMeRequest{})
	want := &chatv1.User{Id: who.User.String(), Username: who.Username, Avatar: who.Avatar, Email: who.Email}
	if err != nil || !proto.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	from.UserAgent = from.UserAgent[:256] // no more is kept
	if gotCaller != who || gotClient != from {
		t.Errorf("the handler sees %+v, %+v; want %+v, %+v", gotCaller, gotClient, who, from)
	}
	if left <= 5*time.Second || left > 20*time.Second {
		t.Errorf("the handler has %s, its caller 20 s", left)
	}
	if _, err := rpc.Call[*chatv1.User](ctx, client, "test", "GetMe", &authv1.GetMeRequest{}); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("without a caller: %v", err)
	}
}

func TestFaultsCross(t *testing.T) {
	t.Parallel()
	server, client, nc := newPair(t)
	outcomes := map[string]struct {
		answer func(context.Context) error
		want   fault.Fault
	}{
		"fault": {
			func(context.Context) error {
				return fault.Invalid("name", "too long").WithRetryAfter(1500 * time.Millisecond)
			},
			fault.Fault{Code: fault.InvalidArgument, Message: "too long", Field: "name", RetryAfter: 1500 * time.Millisecond},
		},
		"cause stays behind": {
			func(context.Context) error { return errors.New("password is hunter2") },
			fault.Fault{Code: fault.Internal, Message: "something went wrong on the server"},
		},
		"panic": {
			func(context.Context) error { panic("at the disco") },
			fault.Fault{Code: fault.Internal, Message: "something went wrong on the server"},
		},
		"out of time": {
			func(context.Context) error {
				return fault.E(fault.DeadlineExceeded, "mongo.Find", context.DeadlineExceeded)
			},
			fault.Fault{Code: fault.Unavailable, Message: "the service is not available right now; try again", RetryAfter: time.Second},
		},
		"silent": {
			func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
			fault.Fault{Code: fault.Unavailable, Message: "the service is not available right now; try again", RetryAfter: time.Second},
		},
	}
	for name, o := range outcomes {
		err := rpc.Handle(server, strings.ReplaceAll(name, " ", "-"), func(ctx context.Context, _ *authv1.GetMeRequest) (*chatv1.User, error) {
			return nil, o.answer(ctx)
		})
		if err = errors.Join(err, nc.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	for name, o := range outcomes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			_, err := rpc.Call[*chatv1.User](ctx, client, "test", strings.ReplaceAll(name, " ", "-"), &authv1.GetMeRequest{})
			f := fault.From(err)
			if f.Code != o.want.Code || f.Message != o.want.Message || f.Field != o.want.Field || f.RetryAfter != o.want.RetryAfter {
				t.Errorf("got %v, want %v", f, &o.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the cause crossed: %v", err)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	_, client, nc := newPair(t)
	_, err := rpc.Call[*chatv1.User](t.Context(), client, "nowhere", "GetMe", &authv1.GetMeRequest{})
	if f := fault.From(err); f.Code != fault.Unavailable || f.RetryAfter == 0 {
		t.Errorf("no responders: %v", err)
	}
	nc.Close()
	if _, err := rpc.Call[*chatv1.User](t.Context(), client, "test", "GetMe", &authv1.GetMeRequest{}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("no bus: %v", err)
	}
}

func TestReplyThatIsTooLarge(t *testing.T) {
	t.Parallel()
	server, client, nc := newPair(t)
	err := rpc.Handle(server, "Big", func(context.Context, *authv1.GetMeRequest) (*chatv1.User, error) {
		return &chatv1.User{Avatar: strings.Repeat("x", 600<<10)}, nil
	})
	if err = errors.Join(err, nc.Flush()); err != nil {
		t.Fatal(err)
	}
	if _, err := rpc.Call[*chatv1.User](t.Context(), client, "test", "Big", &authv1.GetMeRequest{}); fault.CodeOf(err) != fault.Internal {
		t.Errorf("got %v", err)
	}
}
