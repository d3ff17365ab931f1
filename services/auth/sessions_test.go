package auth_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/pkg/testkit"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
)

func (c client) refresh(ctx context.Context, token string) (*authv1.SignedIn, error) {
	return call[*authv1.SignedIn](ctx, c, "Refresh", &authv1.RefreshRequest{RefreshToken: token})
}

// A refresh token that comes back long after it was used ends its session, and no other, and every gateway is told.
func TestReusedRefreshTokenEndsTheSession(t *testing.T) {
	t.Parallel()
	natsURL := testkit.NATS(t)
	mustStart(t, settings(t, natsURL, nil))
	c := dial(t, natsURL)
	nc, err := nats.Connect(natsURL)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	told, err := nc.SubscribeSync(subject.SessionsRevoked)
	if err != nil || nc.Flush() != nil {
		t.Fatal(err)
	}
	ctx := rpc.WithClient(t.Context(), authn.Client{Address: "192.0.2.1", UserAgent: "curl/8"})
	first, err := c.register(ctx, "ann@example.org", "ann", "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	other, err := c.login(ctx, "ann@example.org", "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	in := first
	for range 17 { // one more than are in their grace at a time
		if in, err = c.refresh(ctx, in.GetRefreshToken()); err != nil {
			t.Fatal(err)
		}
	}
	verifier := authn.NewVerifier(c.fetchKeys)
	me, err := verifier.Verify(ctx, in.GetAccessToken())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the token that was reused, and then the one that was good until now
		if _, err := c.refresh(ctx, first.GetRefreshToken()); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("reused: %v", err)
		}
		first = in
	}
	msg, err := told.NextMsg(5 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	var ev busv1.SessionsRevoked
	want := []string{me.Caller.Session.String()}
	if err := proto.Unmarshal(msg.Data, &ev); err != nil || ev.GetUserId() != me.Caller.User.String() || !slices.Equal(ev.GetSessionIds(), want) {
		t.Errorf("told %v, %v; want %v", &ev, err, want)
	}
	list, err := call[*authv1.ListRevokedResponse](ctx, c, "ListRevoked", &authv1.ListRevokedRequest{})
	if err != nil || len(list.GetRevoked()) != 1 || !slices.Equal(list.GetRevoked()[0].GetSessionIds(), want) {
		t.Errorf("listed %v, %v", list, err)
	}
	if other, err = c.refresh(ctx, other.GetRefreshToken()); err != nil {
		t.Fatalf("the other session: %v", err)
	}
	caller, err := verifier.Verify(ctx, other.GetAccessToken())
	if err != nil {
		t.Fatal(err)
	}
	all, err := call[*authv1.ListSessionsResponse](rpc.WithCaller(ctx, caller.Caller), c, "ListSessions", &authv1.ListSessionsRequest{})
	if s := all.GetSessions(); err != nil || len(s) != 1 || !s[0].GetCurrent() || s[0].GetDevice() != "curl" || s[0].GetAddress() != "192.0.2.1" {
		t.Errorf("left %v, %v", s, err)
	}
	if _, err := c.refresh(ctx, "x"); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("no token: %v", err)
	}
}
