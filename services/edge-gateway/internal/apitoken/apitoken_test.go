package apitoken_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/edge-gateway/internal/apitoken"
	"github.com/natter-chat/natter/services/edge-gateway/internal/ratelimit"
)

// auth answers for one token.
type auth struct {
	token  string
	answer *authv1.CheckTokenResponse
	err    error
	asked  int
}

func (a *auth) CheckToken(_ context.Context, hash []byte) (*authv1.CheckTokenResponse, error) {
	a.asked++
	if want, _ := authn.HashAPIToken(a.token); string(hash) != string(want[:]) {
		return nil, fault.New(fault.Unauthenticated, "no such token")
	}
	return a.answer, a.err
}

// access knows no access token.
type access struct{}

func (access) Verify(context.Context, string) (authn.Identity, error) {
	return authn.Identity{}, fault.New(fault.Unauthenticated, "not an access token")
}

func newAuth() *auth {
	return &auth{token: authn.NewAPIToken(), answer: &authv1.CheckTokenResponse{
		TokenId: ids.New[ids.Session]().String(), Role: "member", Scopes: []string{"read"},
		User: &chatv1.User{Id: ids.New[ids.User]().String(), Username: "bot", IsBot: true},
	}}
}

func TestAuthIsAskedOnceIn30Seconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAuth()
		v := apitoken.New(access{}, a, ratelimit.Rate{})
		for range 3 {
			for range 5 {
				id, err := v.Verify(t.Context(), a.token)
				if err != nil || id.Caller.User.String() != a.answer.GetUser().GetId() || id.Caller.Session.String() != a.answer.GetTokenId() ||
					!id.May("read") || id.May("write") || id.May("") || time.Until(id.ExpiresAt) != 10*time.Minute {
					t.Fatalf("%+v, %v", id, err)
				}
			}
			<-time.After(31 * time.Second)
		}
		if a.asked != 3 {
			t.Errorf("asked %d times, want 3", a.asked)
		}
		a.err = fault.New(fault.Unavailable, "down")
		if id, err := v.Verify(t.Context(), a.token); fault.CodeOf(err) != fault.Unavailable || id.IsAPIToken {
			t.Errorf("while auth is down: %+v, %v", id, err)
		}
		a.err = fault.New(fault.Unauthenticated, "revoked")
		id, err := v.Verify(t.Context(), a.token)
		if fault.CodeOf(err) != fault.Unauthenticated || id.Caller.Session.String() != a.answer.GetTokenId() {
			t.Errorf("once it is revoked: %+v, %v; want its identity, once", id, err)
		}
		if id, err := v.Verify(t.Context(), a.token); fault.CodeOf(err) != fault.Unauthenticated || id.IsAPIToken {
			t.Errorf("after that: %+v, %v", id, err)
		}
	})
}

func TestTokensExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAuth()
		expires := time.Now().Add(10 * time.Second)
		a.answer.ExpiresAt = timestamppb.New(expires)
		v := apitoken.New(access{}, a, ratelimit.Rate{})
		if id, err := v.Verify(t.Context(), a.token); err != nil || !id.ExpiresAt.Equal(expires) {
			t.Errorf("%+v, %v", id, err)
		}
		<-time.After(10 * time.Second) // it is remembered, and expired
		if _, err := v.Verify(t.Context(), a.token); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%v", err)
		}
	})
}

func TestWhatIsNoTokenAsksNobody(t *testing.T) {
	t.Parallel()
	a := newAuth()
	v := apitoken.New(access{}, a, ratelimit.Rate{})
	for _, token := range []string{"", "natter_", a.token + "a", a.token[:len(a.token)-1], "x" + a.token, "eyJhbGciOiJub25lIn0.e30."} {
		if _, err := v.Verify(t.Context(), token); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%q: %v", token, err)
		}
	}
	if a.asked != 0 {
		t.Errorf("asked %d times", a.asked)
	}
}

// Who comes with unknown tokens is refused after a while, before auth is asked; known ones, and other addresses, are not.
func TestUnknownTokensAreLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAuth()
		v := apitoken.New(access{}, a, ratelimit.Rate{Count: 3, Per: time.Minute})
		from := func(address string) context.Context {
			return rpc.WithClient(t.Context(), authn.Client{Address: address})
		}
		if _, err := v.Verify(from("192.0.2.1"), a.token); err != nil { // the first of its address
			t.Fatal(err)
		}
		for i, want := range []fault.Code{fault.Unauthenticated, fault.Unauthenticated, fault.ResourceExhausted, fault.ResourceExhausted} {
			_, err := v.Verify(from("192.0.2.1"), authn.NewAPIToken())
			if f := fault.From(err); err == nil || f.Code != want || (f.RetryAfter > 0) != (want == fault.ResourceExhausted) {
				t.Errorf("token %d: %v, want %s", i, err, want)
			}
		}
		if a.asked != 3 {
			t.Errorf("auth was asked %d times, want 3", a.asked)
		}
		for address, want := range map[string]fault.Code{"192.0.2.2": fault.Unauthenticated, "2001:db8::1": fault.Unauthenticated, "": fault.Unauthenticated} {
			if _, err := v.Verify(from(address), authn.NewAPIToken()); fault.CodeOf(err) != want {
				t.Errorf("from %q: %v", address, err)
			}
		}
		<-time.After(10 * time.Second) // not enough for another one
		if _, err := v.Verify(from("192.0.2.1"), a.token); err != nil {
			t.Errorf("a known token: %v", err)
		}
		<-time.After(21 * time.Second) // it is to be asked for again, and still known
		if _, err := v.Verify(from("192.0.2.1"), a.token); err != nil || a.asked != 7 {
			t.Errorf("a known token, later: %v, asked %d times", err, a.asked)
		}
		for range 3 {
			_, _ = v.Verify(from("2001:db8::1"), authn.NewAPIToken())
		}
		if _, err := v.Verify(from("2001:db8::2"), authn.NewAPIToken()); fault.CodeOf(err) != fault.ResourceExhausted {
			t.Errorf("from the same network: %v", err)
		}
	})
}

// BenchmarkVerify is a request with an API token that was seen in the last 30 seconds.
func BenchmarkVerify(b *testing.B) {
	a := newAuth()
	v := apitoken.New(access{}, a, ratelimit.Rate{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(b.Context(), a.token); err != nil {
			b.Fatal(err)
		}
	}
}
