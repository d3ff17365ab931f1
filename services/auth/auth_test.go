package auth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"maps"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/app"
	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/config"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/testkit"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/auth"
	"github.com/natter-chat/natter/services/auth/internal/store/sqlite"
)

// settings are those of an auth with an SQLite file of its own, cheap passwords, and more.
func settings(t *testing.T, natsURL string, more map[string]string) map[string]string {
	t.Helper()
	all := map[string]string{
		"NATTER_NATS_URL":      natsURL,
		"NATTER_DATA_DIR":      t.TempDir(),
		"NATTER_SECRET_KEY":    base64.StdEncoding.EncodeToString(make([]byte, 32)),
		"NATTER_ARGON2_MEMORY": "8KiB",
		"NATTER_ARGON2_TIME":   "1",
	}
	maps.Copy(all, more)
	return all
}

// instance is a running auth.
type instance struct {
	metrics *prometheus.Registry
	ready   *app.Readiness
	stop    func() error
}

func start(t *testing.T, settings map[string]string) (*instance, error) {
	t.Helper()
	i := &instance{metrics: prometheus.NewRegistry(), ready: &app.Readiness{}}
	runner, err := auth.Component.New(t.Context(), &app.Deps{
		Config: config.NewSource(settings), Log: slog.New(slog.DiscardHandler), Metrics: i.metrics, Ready: i.ready, Grace: 10 * time.Second,
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	i.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := i.stop(); err != nil {
			t.Error(err)
		}
	})
	return i, nil
}

func mustStart(t *testing.T, settings map[string]string) *instance {
	t.Helper()
	i, err := start(t, settings)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// client calls auth as a gateway does.
type client struct{ rpc *rpc.Client }

func dial(t *testing.T, natsURL string) client {
	t.Helper()
	nc, err := nats.Connect(natsURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return client{rpc.NewClient(nc)}
}

func call[Res proto.Message](ctx context.Context, c client, method string, req proto.Message) (Res, error) {
	return rpc.Call[Res](ctx, c.rpc, "auth", method, req)
}

func (c client) register(ctx context.Context, email, username, password string) (*authv1.SignedIn, error) {
	return call[*authv1.SignedIn](ctx, c, "Register", &authv1.RegisterRequest{Email: email, Username: username, Password: password})
}

func (c client) login(ctx context.Context, email, password string) (*authv1.SignedIn, error) {
	return call[*authv1.SignedIn](ctx, c, "Login", &authv1.LoginRequest{Email: email, Password: password})
}

func (c client) fetchKeys(ctx context.Context) ([]byte, error) {
	res, err := call[*authv1.GetKeysResponse](ctx, c, "GetKeys", &authv1.GetKeysRequest{})
	return res.GetJwks(), err
}

// TestSignUpAndIn is the main path, on both databases, over the real bus.
func TestSignUpAndIn(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]func(*testing.T) map[string]string{
		"SQLite": func(*testing.T) map[string]string { return nil },
		"PostgreSQL": func(t *testing.T) map[string]string {
			t.Helper()
			return map[string]string{"NATTER_POSTGRES_URL": testkit.Postgres(t)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, natsURL := t.Context(), testkit.NATS(t)
			mustStart(t, settings(t, natsURL, more(t)))
			c := dial(t, natsURL)

			ann, err := c.register(ctx, "Ann@Example.org", "Ann", "correct horse")
			if err != nil {
				t.Fatal(err)
			}
			again, err := c.login(ctx, " ann@EXAMPLE.org", "correct horse")
			if err != nil || !proto.Equal(again.GetUser(), ann.GetUser()) {
				t.Fatalf("login: %v, %v; want %v", again.GetUser(), err, ann.GetUser())
			}
			verifier := authn.NewVerifier(c.fetchKeys)
			first, firstErr := verifier.Verify(ctx, ann.GetAccessToken())
			second, secondErr := verifier.Verify(ctx, again.GetAccessToken())
			if firstErr != nil || secondErr != nil {
				t.Fatal(firstErr, secondErr)
			}
			id, err := ids.ParseUser(ann.GetUser().GetId())
			want := authn.Caller{User: id, Username: "Ann", Email: "Ann@Example.org"}
			isAnn := func(got authn.Caller) bool { got.Session = ids.Session{}; return got == want }
			if err != nil || !isAnn(first.Caller) || !isAnn(second.Caller) || first.Caller.Session == second.Caller.Session {
				t.Errorf("tokens of %+v and %+v, %v; want %+v in two sessions", first, second, err, want)
			}
			if left := time.Until(first.ExpiresAt); left < 9*time.Minute || left > 10*time.Minute {
				t.Errorf("the token lives for %v, want 10 minutes", left)
			}

			me, err := call[*chatv1.User](rpc.WithCaller(ctx, first.Caller), c, "GetMe", &authv1.GetMeRequest{})
			if err != nil || !proto.Equal(me, ann.GetUser()) {
				t.Errorf("me: %v, %v; want %v", me, err, ann.GetUser())
			}
			users, err := call[*authv1.GetUsersResponse](ctx, c, "GetUsers",
				&authv1.GetUsersRequest{UserIds: []string{ids.New[ids.User]().String(), id.String()}})
			if got := users.GetUsers(); err != nil || len(got) != 1 || got[0].GetId() != id.String() || got[0].GetUsername() != "Ann" {
				t.Errorf("users: %v, %v", got, err)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	ctx, natsURL := t.Context(), testkit.NATS(t)
	running := mustStart(t, settings(t, natsURL, nil))
	c := dial(t, natsURL)
	if _, err := c.register(ctx, "ann@example.org", "Ann", "correct horse"); err != nil {
		t.Fatal(err)
	}

	for _, tc := range []struct {
		email, username, password string
		code                      fault.Code
		field                     string
	}{
		{"", "Bob", "correct horse", fault.InvalidArgument, "email"},
		{"bob@example.org", "B b", "correct horse", fault.InvalidArgument, "username"},
		{"bob@example.org", "Bob", "short", fault.InvalidArgument, "password"},
		{"ANN@example.org", "Bob", "correct horse", fault.AlreadyExists, "email"},
		{"bob@example.org", "aNN", "correct horse", fault.AlreadyExists, "username"},
	} {
		_, err := c.register(ctx, tc.email, tc.username, tc.password)
		if f := fault.From(err); err == nil || f.Code != tc.code || f.Field != tc.field || f.Message == "" {
			t.Errorf("register %+v: %v", tc, err)
		}
	}

	// All look the same from outside, and cost the same: one hash each.
	before := hashes(t, running.metrics)
	logins := []struct{ email, password string }{
		{"ann@example.org", "wrong horse"},
		{"ann@example.org", ""},
		{"ann@example.org", strings.Repeat("x", 10_000)},
		{"bob@example.org", "correct horse"},
		{"bob@example.org", ""},
		{"", ""},
		{"ann\x00@example.org", "correct horse"},
	}
	for _, tc := range logins {
		_, err := c.login(ctx, tc.email, tc.password)
		if f := fault.From(err); err == nil || f.Code != fault.Unauthenticated || f.Message != "wrong e-mail address or password" {
			t.Errorf("login %.40q, %.40q: %v", tc.email, tc.password, err)
		}
	}
	if n := hashes(t, running.metrics) - before; n != uint64(len(logins)) {
		t.Errorf("%d hashes for %d refused sign-ins", n, len(logins))
	}

	if _, err := call[*chatv1.User](ctx, c, "GetMe", &authv1.GetMeRequest{}); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("me of nobody: %v", err)
	}
	gone := rpc.WithCaller(ctx, authn.Caller{User: ids.New[ids.User]()})
	if _, err := call[*chatv1.User](gone, c, "GetMe", &authv1.GetMeRequest{}); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("me of a user who is gone: %v", err)
	}
	for name, list := range map[string][]string{"malformed": {"*.>"}, "too many": make([]string, 501)} {
		_, err := call[*authv1.GetUsersResponse](ctx, c, "GetUsers", &authv1.GetUsersRequest{UserIds: list})
		if f := fault.From(err); err == nil || f.Code != fault.InvalidArgument || f.Field != "userIds" {
			t.Errorf("users, %s: %v", name, err)
		}
	}

	want := map[string]float64{"ok": 0, "rejected": float64(len(logins)), "too_often": 0, "error": 0}
	if got := loginsByOutcome(t, running.metrics); !reflect.DeepEqual(got, want) {
		t.Errorf("natter_auth_logins_total: %v, want %v", got, want)
	}
}

// hashes is how many password hashes were computed.
func hashes(t *testing.T, reg *prometheus.Registry) (n uint64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "natter_auth_argon2_seconds" {
			n = f.GetMetric()[0].GetHistogram().GetSampleCount()
		}
	}
	return n
}

func loginsByOutcome(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	byOutcome := map[string]float64{}
	for _, f := range families {
		if f.GetName() == "natter_auth_logins_total" {
			for _, m := range f.GetMetric() {
				byOutcome[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	return byOutcome
}

// A password is hashed anew at the first sign-in after the cost was raised, and not when it was lowered.
func TestHashesFollowTheCost(t *testing.T) {
	t.Parallel()
	ctx, natsURL := t.Context(), testkit.NATS(t)
	same := settings(t, natsURL, nil)
	c := dial(t, natsURL)
	database := func() string {
		t.Helper()
		s, err := sqlite.Open(ctx, filepath.Join(same["NATTER_DATA_DIR"], "auth.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		u, err := s.UserByEmail(ctx, "ann@example.org")
		if err != nil {
			t.Fatal(err)
		}
		return u.PasswordHash
	}
	at := func(passes string) (before, after string) {
		t.Helper()
		same["NATTER_ARGON2_TIME"] = passes
		running := mustStart(t, same)
		if _, err := c.register(ctx, "ann@example.org", "ann", "correct horse"); err != nil && fault.CodeOf(err) != fault.AlreadyExists {
			t.Fatal(err)
		}
		before = database()
		if _, err := c.login(ctx, "ann@example.org", "wrong horse"); fault.CodeOf(err) != fault.Unauthenticated || database() != before {
			t.Errorf("a wrong password: %v", err)
		}
		for range 2 {
			if _, err := c.login(ctx, "ann@example.org", "correct horse"); err != nil {
				t.Error(err)
			}
		}
		if err := running.stop(); err != nil {
			t.Fatal(err)
		}
		return before, database()
	}
	if before, after := at("1"); before != after {
		t.Errorf("%s became %s at the same cost", before, after)
	}
	before, after := at("3")
	if before == after || !strings.Contains(after, "t=3,") {
		t.Errorf("%s became %s at a higher cost", before, after)
	}
	if _, lowered := at("2"); lowered != after {
		t.Errorf("%s became %s at a lower cost", after, lowered)
	}
}

// Instances that start at once on an empty database share accounts and keys from their first answer on.
func TestTwoInstances(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	postgresURL := testkit.Postgres(t)
	// A bus for each, so that it is known who answers.
	urls := []string{testkit.NATS(t), testkit.NATS(t)}
	errs := make([]error, len(urls))
	var starting sync.WaitGroup
	for i, url := range urls {
		starting.Go(func() { _, errs[i] = start(t, settings(t, url, map[string]string{"NATTER_POSTGRES_URL": postgresURL})) })
	}
	starting.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	a, b := dial(t, urls[0]), dial(t, urls[1])
	if _, err := a.register(ctx, "ann@example.org", "ann", "correct horse"); err != nil {
		t.Fatal(err)
	}
	in, err := b.login(ctx, "ann@example.org", "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := authn.NewVerifier(a.fetchKeys).Verify(ctx, in.GetAccessToken()); err != nil {
		t.Errorf("a token of one by the keys of the other: %v", err)
	}
}

func TestDatabaseGoesAndComesBack(t *testing.T) {
	t.Parallel()
	ctx, natsURL, postgresURL := t.Context(), testkit.NATS(t), testkit.Postgres(t)
	running := mustStart(t, settings(t, natsURL, map[string]string{"NATTER_POSTGRES_URL": postgresURL}))
	c := dial(t, natsURL)
	in, err := c.register(ctx, "ann@example.org", "ann", "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	check := func(when string, code fault.Code, ready bool) {
		t.Helper()
		if _, err := c.login(ctx, "ann@example.org", "correct horse"); fault.CodeOf(err) != code {
			t.Errorf("login %s: %v, want %q", when, err, code)
		}
		if _, results := running.ready.Check(ctx); (results["auth-postgres"] == "ok") != ready || results["nats"] != "ok" {
			t.Errorf("readiness %s: %v", when, results)
		}
		if _, err := authn.NewVerifier(c.fetchKeys).Verify(ctx, in.GetAccessToken()); err != nil {
			t.Errorf("token %s: %v", when, err)
		}
	}

	// The server lets nobody into this database: like one that is down, for this test alone.
	cfg, err := pgx.ParseConfig(postgresURL)
	if err != nil {
		t.Fatal(err)
	}
	database := cfg.Database
	cfg.Database = "postgres"
	admin, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close(ctx) }()
	exec := func(sql string) {
		t.Helper()
		if _, err := admin.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	check("at first", "", true)
	exec("ALTER DATABASE " + database + " ALLOW_CONNECTIONS false")
	exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + database + "'")
	check("without the database", fault.Unavailable, false)
	exec("ALTER DATABASE " + database + " ALLOW_CONNECTIONS true")
	check("with it again", "", true)
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	natsURL := testkit.NATS(t)
	for name, tc := range map[string]struct {
		more map[string]string
		want string
	}{
		"no secret":        {map[string]string{"NATTER_SECRET_KEY": ""}, "openssl rand -base64 32"},
		"malformed secret": {map[string]string{"NATTER_SECRET_KEY": "hunter2"}, "openssl rand -base64 32"},
		"no time to live":  {map[string]string{"NATTER_ACCESS_TOKEN_TTL": "0s"}, "NATTER_ACCESS_TOKEN_TTL"},
		"argon2 of no use": {map[string]string{"NATTER_ARGON2_TIME": "0"}, "NATTER_ARGON2"},
		"no database":      {map[string]string{"NATTER_POSTGRES_URL": "postgres://127.0.0.1:1/db"}, "NATTER_POSTGRES_URL"},
		"no directory":     {map[string]string{"NATTER_DATA_DIR": "/dev/null/data"}, "NATTER_DATA_DIR"},
	} {
		_, err := start(t, settings(t, natsURL, tc.more))
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v; want it to say %s", name, err, tc.want)
		}
	}
}

func TestFiftyStartsAndStops(t *testing.T) {
	t.Parallel()
	natsURL := testkit.NATS(t)
	same := settings(t, natsURL, nil)
	for range 50 {
		if err := mustStart(t, same).stop(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestProvision: what is written beside a running auth is as good as what it made itself, but for the password.
func TestProvision(t *testing.T) {
	t.Parallel()
	ctx, natsURL := t.Context(), testkit.NATS(t)
	values := settings(t, natsURL, nil)
	mustStart(t, values)
	c := dial(t, natsURL)
	var cfg auth.Config
	if err := config.NewSource(values).Load(&cfg); err != nil {
		t.Fatal(err)
	}
	accounts := []auth.Account{{Email: "a@load.invalid", Username: "load-a"}, {Email: "b@load.invalid", Username: "load-b"}}
	made, err := auth.Provision(ctx, cfg, accounts, time.Hour)
	if err != nil || len(made) != len(accounts) {
		t.Fatalf("%d made, %v; want %d", len(made), err, len(accounts))
	}
	verifier := authn.NewVerifier(c.fetchKeys)
	for i, m := range made {
		id, err := verifier.Verify(ctx, m.Token)
		if err != nil || id.Caller.Username != accounts[i].Username || id.Caller.User.String() != m.ID {
			t.Fatalf("account %d: %+v, %v", i, id, err)
		}
		me, err := call[*chatv1.User](rpc.WithCaller(ctx, id.Caller), c, "GetMe", &authv1.GetMeRequest{})
		if err != nil || me.GetEmail() != accounts[i].Email {
			t.Errorf("GetMe: %v, %v; want %v", me, err, accounts[i])
		}
	}
	if _, err := c.login(ctx, "a@load.invalid", ""); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("login without a password: %v", err)
	}
	if _, err := auth.Provision(ctx, cfg, accounts[:1], time.Hour); fault.CodeOf(err) != fault.AlreadyExists {
		t.Errorf("the same account again: %v", err)
	}
	cfg.SecretKey = base64.StdEncoding.EncodeToString([]byte("another key of thirty-two bytes."))
	if _, err := auth.Provision(ctx, cfg, accounts[:1], time.Hour); err == nil || !strings.Contains(err.Error(), "NATTER_SECRET_KEY") {
		t.Errorf("with another key: %v", err)
	}
}
