package auth_test

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/testkit"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
)

// from is a context of calls by the client at an address.
func from(ctx context.Context, address string) context.Context {
	return rpc.WithClient(ctx, authn.Client{Address: address})
}

// tryLogins signs in with a wrong password until a call has to wait, and says how many were let through.
func tryLogins(t *testing.T, ctx context.Context, clients []client, email string) int {
	t.Helper()
	for n := range 200 {
		_, err := clients[n%len(clients)].login(ctx, email, "wrong horse")
		switch fault.CodeOf(err) {
		case fault.Unauthenticated:
		case fault.ResourceExhausted:
			if wait := fault.From(err).RetryAfter; wait <= 0 || wait > time.Minute {
				t.Errorf("login %d: wait %v", n, wait)
			}
			return n
		default:
			t.Fatalf("login %d: %v", n, err)
		}
	}
	return 200
}

// TestStrangersCannotLockOut: guessing is stopped, over two instances, for an account that exists and one that does not
// alike, and the owner signs in meanwhile from an address that is known.
func TestStrangersCannotLockOut(t *testing.T) {
	t.Parallel()
	ctx, postgresURL := t.Context(), testkit.Postgres(t)
	var clients []client
	for range 2 { // a bus for each, so that both answer
		natsURL := testkit.NATS(t)
		mustStart(t, settings(t, natsURL, map[string]string{"NATTER_POSTGRES_URL": postgresURL}))
		clients = append(clients, dial(t, natsURL))
	}
	home, work := from(ctx, "192.0.2.1"), from(ctx, "192.0.2.2")
	if _, err := clients[0].register(home, "ann@example.org", "Ann", "correct horse"); err != nil {
		t.Fatal(err)
	}
	if _, err := clients[0].login(home, "ann@example.org", "correct horse"); err != nil {
		t.Fatal(err)
	}
	exists := tryLogins(t, from(ctx, "2001:db8::1"), clients, "ann@example.org")
	missing := tryLogins(t, from(ctx, "2001:db8:0:1::1"), clients, "nobody@example.org")
	if exists != 6 || missing != exists { // the sixth begins the wait
		t.Errorf("%d attempts at an account, %d at none; want 6", exists, missing)
	}
	if n := tryLogins(t, from(ctx, "2001:db8::2"), clients, "ANN@example.org"); n != 0 {
		t.Errorf("%d more from the same /64", n)
	}
	// Many addresses share what is left of the account's; that the owner goes on at home gives them no more of it.
	for range 10 {
		if _, err := clients[1].login(home, "ann@example.org", "correct horse"); err != nil {
			t.Fatalf("the owner at home: %v", err)
		}
	}
	var more int
	for i := range 20 {
		more += tryLogins(t, from(ctx, fmt.Sprintf("198.51.100.%d", i)), clients, "ann@example.org")
	}
	if total := exists + more; total != 31 {
		t.Errorf("%d attempts from many addresses, want 31", total)
	}
	if _, err := clients[1].login(work, "ann@example.org", "correct horse"); fault.CodeOf(err) != fault.ResourceExhausted {
		t.Errorf("the owner at a new address: %v", err)
	}
	for range 20 {
		if _, err := clients[1].login(home, "ann@example.org", "correct horse"); err != nil {
			t.Fatalf("the owner at home: %v", err)
		}
	}
	// Who types the password wrong a few times, and then right, has all attempts again.
	for range 3 {
		for range 4 {
			if _, err := clients[0].login(home, "ann@example.org", "wrong horse"); fault.CodeOf(err) != fault.Unauthenticated {
				t.Fatalf("a typo: %v", err)
			}
		}
		if _, err := clients[1].login(home, "ann@example.org", "correct horse"); err != nil {
			t.Fatalf("after four typos: %v", err)
		}
	}
}

// One password tried on many accounts ends at the address's limit.
func TestSprayingIsStopped(t *testing.T) {
	t.Parallel()
	natsURL := testkit.NATS(t)
	mustStart(t, settings(t, natsURL, nil))
	c := dial(t, natsURL)
	ctx := from(t.Context(), "192.0.2.1")
	var passed int
	for i := range 60 {
		if _, err := c.login(ctx, fmt.Sprintf("user%d@example.org", i), "123456"); fault.CodeOf(err) == fault.Unauthenticated {
			passed++
		}
	}
	if passed != 51 {
		t.Errorf("%d attempts passed, want 51", passed)
	}
	var registered int
	for i := range 60 {
		if _, err := c.register(ctx, fmt.Sprintf("user%d@example.org", i), fmt.Sprintf("user%d", i), "correct horse"); err == nil {
			registered++
		}
	}
	if registered != 51 {
		t.Errorf("%d accounts from one address at once, want 51", registered)
	}
}

// TestOverloadIsNobodysFailure: a sign-in that was shed is not counted, however often it is tried.
func TestOverloadIsNobodysFailure(t *testing.T) {
	t.Parallel()
	ctx, natsURL := t.Context(), testkit.NATS(t)
	mustStart(t, settings(t, natsURL, map[string]string{
		"NATTER_ARGON2_MEMORY": "64MiB", "NATTER_ARGON2_TIME": "20", "NATTER_ARGON2_WORKERS": "1", "NATTER_ARGON2_QUEUE": "0",
	}))
	c := dial(t, natsURL)
	var busy sync.WaitGroup
	over := make(chan struct{})
	busy.Go(func() { // keeps the only worker busy, for seconds each time
		for i := 0; ; i++ {
			select {
			case <-over:
				return
			default:
				_, _ = c.login(from(ctx, fmt.Sprint("198.51.100.", i%250)), fmt.Sprintf("nobody%d@example.org", i), "correct horse")
			}
		}
	})
	defer busy.Wait()
	defer close(over)
	shed := 0
	for deadline := time.Now().Add(time.Minute); shed < 20; {
		_, err := c.login(from(ctx, "203.0.113.1"), "ann@example.org", "correct horse")
		switch f := fault.From(err); {
		case f.Code == fault.Unavailable && strings.HasPrefix(f.Message, "too many people"):
			shed++
		case f.Code == fault.Unauthenticated && time.Now().Before(deadline):
			shed = 0 // it found the worker between two others
		default:
			t.Fatalf("after %d that were shed: %v", shed, err)
		}
	}
}

// TestLoginStorm: far more sign-ins than there is time for are shed at once, count as nobody's failures, and leave the
// service answering everything else.
func TestLoginStorm(t *testing.T) {
	t.Parallel()
	ctx, natsURL := t.Context(), testkit.NATS(t)
	running := mustStart(t, settings(t, natsURL, map[string]string{
		"NATTER_ARGON2_MEMORY": "2MiB", "NATTER_ARGON2_TIME": "2", "NATTER_ARGON2_WORKERS": "1", "NATTER_ARGON2_QUEUE": "1",
	}))
	c := dial(t, natsURL)
	const users = 20 // each signs in five times at once, from an address of their own: as often as nobody has to wait
	login := func(user int) error {
		_, err := c.login(from(ctx, fmt.Sprintf("198.51.100.%d", user)), fmt.Sprintf("user%d@example.org", user), "correct horse")
		return err
	}
	for i := range users {
		if _, err := c.register(ctx, fmt.Sprintf("user%d@example.org", i), fmt.Sprintf("user%d", i), "correct horse"); err != nil {
			t.Fatal(err)
		}
	}
	before := hashes(t, running.metrics)
	var ok, shed, late atomic.Int64 // late: on a machine with more to do than this, the deadline of a call passes
	var storm sync.WaitGroup
	for i := range 5 * users {
		storm.Go(func() {
			err := login(i % users)
			switch f := fault.From(err); {
			case err == nil:
				ok.Add(1)
			case f.Code == fault.Unavailable && strings.HasPrefix(f.Message, "too many people") && f.RetryAfter > 0:
				shed.Add(1)
			case f.Code == fault.Unavailable:
				late.Add(1)
			default:
				t.Errorf("login %d: %v", i, err)
			}
		})
		if _, err := call[*authv1.GetKeysResponse](ctx, c, "GetKeys", &authv1.GetKeysRequest{}); err != nil {
			t.Errorf("keys during the storm: %v", err)
		}
	}
	storm.Wait()
	if n := hashes(t, running.metrics) - before; ok.Load() == 0 || shed.Load()+late.Load() == 0 || n < uint64(ok.Load()) || n > uint64(ok.Load()+late.Load()) {
		t.Errorf("%d signed in, %d shed, %d late, %d hashes", ok.Load(), shed.Load(), late.Load(), n)
	}
	for i := range users { // what was shed makes nobody wait
		if err := login(i); err != nil {
			t.Errorf("user %d after the storm: %v", i, err)
		}
	}
}

// Whatever else can be guessed, or makes work, has a limit of its own; the last that passes begins the wait.
func TestOtherLimits(t *testing.T) {
	t.Parallel()
	c, _, ann, _ := accountsServer(t, nil)
	ctx, _ := as(t, c, ann)
	bob, err := c.register(t.Context(), "bob@example.org", "Bob", "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	bobCtx, _ := as(t, c, bob)
	offer, err := call[*authv1.OfferSecondFactorResponse](bobCtx, c, "OfferSecondFactor", &authv1.OfferSecondFactorRequest{Password: "correct horse"})
	if err != nil {
		t.Fatal(err)
	}
	code, err := totp.GenerateCode(offer.GetSecret(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := try[*authv1.RecoveryCodes](bobCtx, c, "ConfirmSecondFactor", &authv1.ConfirmSecondFactorRequest{Code: code}); err != nil {
		t.Fatal(err)
	}
	token := ann.GetRefreshToken()
	resetOf := func(email string) func(int) error {
		return func(int) error {
			return try[*authv1.RequestPasswordResetResponse](t.Context(), c, "RequestPasswordReset", &authv1.RequestPasswordResetRequest{Email: email})
		}
	}
	for name, tc := range map[string]struct {
		passes int
		code   fault.Code // of an attempt that passes
		try    func(n int) error
	}{
		"a code, from many addresses": {6, fault.Unauthenticated, func(n int) error {
			_, err := call[*authv1.SignedIn](from(t.Context(), fmt.Sprintf("198.51.100.%d", n)), c, "Login",
				&authv1.LoginRequest{Email: "bob@example.org", Password: "correct horse", Code: "not-a-recovery-code"})
			return err
		}},
		"the password, from inside a session": {6, fault.PermissionDenied, func(int) error {
			return try[*authv1.ChangePasswordResponse](rpc.WithClient(ctx, authn.Client{Address: "192.0.2.1"}), c, "ChangePassword",
				&authv1.ChangePasswordRequest{Password: "wrong horse", NewPassword: "another horse"})
		}},
		"a mail to an account": {4, "", resetOf("ann@example.org")},
		"a mail to nobody":     {4, "", resetOf("nobody@example.org")},
		"a refresh": {61, "", func(int) error {
			in, err := call[*authv1.SignedIn](t.Context(), c, "Refresh", &authv1.RefreshRequest{RefreshToken: token})
			token = cmp.Or(in.GetRefreshToken(), token)
			return err
		}},
		"a made-up refresh token": {51, fault.Unauthenticated, func(int) error {
			return try[*authv1.SignedIn](from(t.Context(), "192.0.2.9"), c, "Refresh", &authv1.RefreshRequest{RefreshToken: "made up"})
		}},
	} {
		for n := range tc.passes {
			if err := tc.try(n); fault.CodeOf(err) != tc.code {
				t.Fatalf("%s, %d: %v; want %q", name, n, err, tc.code)
			}
		}
		err := tc.try(tc.passes)
		for n := 1; n < 3 && fault.CodeOf(err) == tc.code; n++ { // on a machine that is slow enough the first wait has passed
			err = tc.try(tc.passes + n)
		}
		if fault.CodeOf(err) != fault.ResourceExhausted || fault.From(err).RetryAfter <= 0 {
			t.Errorf("%s, once more: %v; want a wait", name, err)
		}
	}
}
