package auth_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/pkg/testkit"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/auth/internal/audit"
	"github.com/natter-chat/natter/services/auth/internal/store/sqlite"
)

// signUp registers a user and returns a context of calls by them.
func signUp(t *testing.T, c client, name string) (context.Context, *authv1.SignedIn) {
	t.Helper()
	in, err := c.register(t.Context(), name+"@example.org", name, "correct horse "+name)
	if err != nil {
		t.Fatal(err)
	}
	id, err := authn.NewVerifier(c.fetchKeys).Verify(t.Context(), in.GetAccessToken())
	if err != nil {
		t.Fatal(err)
	}
	return rpc.WithCaller(t.Context(), id.Caller), in
}

func (c client) check(ctx context.Context, token string) (*authv1.CheckTokenResponse, error) {
	hash, _ := authn.HashAPIToken(token)
	return call[*authv1.CheckTokenResponse](ctx, c, "CheckToken", &authv1.CheckTokenRequest{Hash: hash[:]})
}

func TestAPITokensAndBots(t *testing.T) {
	t.Parallel()
	natsURL := testkit.NATS(t)
	mustStart(t, settings(t, natsURL, nil))
	c := dial(t, natsURL)
	owner, _ := signUp(t, c, "olga")
	ann, annIn := signUp(t, c, "ann")
	bob, _ := signUp(t, c, "bob")

	bot, err := call[*chatv1.User](ann, c, "CreateBot", &authv1.CreateBotRequest{Username: "ann-bot"})
	if err != nil || !bot.GetIsBot() || bot.GetEmail() != "" {
		t.Fatalf("%v, %v", bot, err)
	}
	create := func(ctx context.Context, botID string, scopes ...string) (*authv1.CreateTokenResponse, error) {
		return call[*authv1.CreateTokenResponse](ctx, c, "CreateToken", &authv1.CreateTokenRequest{Name: " ci ", Scopes: scopes, BotId: botID})
	}
	made, err := create(ann, bot.GetId(), "write", "read", "read")
	if err != nil || made.GetDetails().GetName() != "ci" || !slices.Equal(made.GetDetails().GetScopes(), []string{"read", "write"}) {
		t.Fatalf("%v, %v", made, err)
	}
	own, err := create(ann, "", "read")
	if err != nil {
		t.Fatal(err)
	}

	callers := map[string]context.Context{"nobody": t.Context(), "ann": ann, "bob": bob}
	for name, tc := range map[string]struct {
		by    string
		req   *authv1.CreateTokenRequest
		code  fault.Code
		field string
	}{
		"nobody":              {"nobody", &authv1.CreateTokenRequest{Name: "x", Scopes: []string{"read"}}, fault.Unauthenticated, ""},
		"somebody else's bot": {"bob", &authv1.CreateTokenRequest{Name: "x", Scopes: []string{"read"}, BotId: bot.GetId()}, fault.NotFound, ""},
		"no bot":              {"bob", &authv1.CreateTokenRequest{Name: "x", Scopes: []string{"read"}, BotId: annIn.GetUser().GetId()}, fault.NotFound, ""},
		"no name":             {"ann", &authv1.CreateTokenRequest{Name: " ", Scopes: []string{"read"}}, fault.InvalidArgument, "name"},
		"a long name":         {"ann", &authv1.CreateTokenRequest{Name: strings.Repeat("ä", 101), Scopes: []string{"read"}}, fault.InvalidArgument, "name"},
		"no scope":            {"ann", &authv1.CreateTokenRequest{Name: "x"}, fault.InvalidArgument, "scopes"},
		"an unknown scope":    {"ann", &authv1.CreateTokenRequest{Name: "x", Scopes: []string{"read", "root"}}, fault.InvalidArgument, "scopes"},
		"admin of a member":   {"ann", &authv1.CreateTokenRequest{Name: "x", Scopes: []string{"admin"}}, fault.InvalidArgument, "scopes"},
		"admin of a bot":      {"ann", &authv1.CreateTokenRequest{Name: "x", Scopes: []string{"admin"}, BotId: bot.GetId()}, fault.InvalidArgument, "scopes"},
		"expired":             {"ann", &authv1.CreateTokenRequest{Name: "x", Scopes: []string{"read"}, ExpiresAt: timestamppb.New(time.Now())}, fault.InvalidArgument, "expiresAt"},
	} {
		_, err := call[*authv1.CreateTokenResponse](callers[tc.by], c, "CreateToken", tc.req)
		if f := fault.From(err); err == nil || f.Code != tc.code || f.Field != tc.field {
			t.Errorf("create, %s: %v", name, err)
		}
	}

	is, err := c.check(t.Context(), made.GetToken())
	if err != nil || is.GetUser().GetId() != bot.GetId() || !is.GetUser().GetIsBot() || is.GetTokenId() != made.GetDetails().GetId() ||
		is.GetRole() != "member" || is.ExpiresAt != nil || !slices.Equal(is.GetScopes(), []string{"read", "write"}) {
		t.Errorf("%v, %v", is, err)
	}
	if _, err := c.check(t.Context(), authn.NewAPIToken()); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("an unknown token: %v", err)
	}
	list, err := call[*authv1.ListTokensResponse](ann, c, "ListTokens", &authv1.ListTokensRequest{BotId: bot.GetId()})
	if err != nil || len(list.GetTokens()) != 1 || list.GetTokens()[0].LastUsedAt == nil {
		t.Errorf("%v, %v", list, err)
	}
	users, err := call[*authv1.GetUsersResponse](ann, c, "GetUsers", &authv1.GetUsersRequest{UserIds: []string{bot.GetId()}})
	if err != nil || len(users.GetUsers()) != 1 || !users.GetUsers()[0].GetIsBot() {
		t.Errorf("as others see it: %v, %v", users, err)
	}

	revoke := func(ctx context.Context, id string) error {
		_, err := call[*authv1.RevokeTokenResponse](ctx, c, "RevokeToken", &authv1.RevokeTokenRequest{TokenId: id})
		return err
	}
	if err := revoke(bob, own.GetDetails().GetId()); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("by somebody else: %v", err)
	}
	if err := revoke(owner, own.GetDetails().GetId()); err != nil {
		t.Errorf("by an administrator: %v", err)
	}
	if _, err := c.check(t.Context(), own.GetToken()); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("a revoked token: %v", err)
	}
	ended := func() []string {
		t.Helper()
		res, err := call[*authv1.EndedTokensResponse](t.Context(), c, "EndedTokens",
			&authv1.EndedTokensRequest{TokenIds: []string{own.GetDetails().GetId(), made.GetDetails().GetId()}})
		if err != nil {
			t.Fatal(err)
		}
		return res.GetTokenIds()
	}
	if got := ended(); !slices.Equal(got, []string{own.GetDetails().GetId()}) {
		t.Errorf("ended: %v, want the revoked one", got)
	}
	for name, list := range map[string][]string{"malformed": {"x"}, "too many": make([]string, 1001)} {
		_, err := call[*authv1.EndedTokensResponse](t.Context(), c, "EndedTokens", &authv1.EndedTokensRequest{TokenIds: list})
		if f := fault.From(err); err == nil || f.Code != fault.InvalidArgument || f.Field != "tokenIds" {
			t.Errorf("ended, %s: %v", name, err)
		}
	}
	// A bot stops with its owner.
	_, err = call[*authv1.AdminUser](owner, c, "DeactivateUser", &authv1.DeactivateUserRequest{UserId: annIn.GetUser().GetId()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.check(t.Context(), made.GetToken()); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("the bot of somebody who is deactivated: %v", err)
	}
	if got := ended(); len(got) != 2 {
		t.Errorf("ended: %v, want both", got)
	}
}

// A bot is deleted by its owner, or with them: its tokens end, its name is free, and everybody learns of it.
func TestDeleteBot(t *testing.T) {
	t.Parallel()
	c, _, ann, nc := accountsServer(t, nil)
	owner, _ := as(t, c, ann)
	bob, err := c.register(t.Context(), "bob@example.org", "bob", "correct horse bob")
	if err != nil {
		t.Fatal(err)
	}
	bobCtx, _ := as(t, c, bob)
	changes, err := nc.SubscribeSync(subject.UsersChanged)
	if err != nil || nc.Flush() != nil {
		t.Fatal(err)
	}
	makeBot := func(name string) (id, token string) {
		t.Helper()
		bot, err := call[*chatv1.User](bobCtx, c, "CreateBot", &authv1.CreateBotRequest{Username: name})
		if err != nil {
			t.Fatal(err)
		}
		made, err := call[*authv1.CreateTokenResponse](bobCtx, c, "CreateToken",
			&authv1.CreateTokenRequest{Name: "x", Scopes: []string{"read"}, BotId: bot.GetId()})
		if err != nil {
			t.Fatal(err)
		}
		return bot.GetId(), made.GetToken()
	}
	remove := func(ctx context.Context, id string) error {
		return try[*authv1.DeleteBotResponse](ctx, c, "DeleteBot", &authv1.DeleteBotRequest{BotId: id})
	}
	first, token := makeBot("helper")
	want(t, "somebody else's", remove(owner, first), fault.NotFound, "")
	want(t, "oneself", remove(bobCtx, bob.GetUser().GetId()), fault.NotFound, "")
	want(t, "nobody", remove(bobCtx, ""), fault.InvalidArgument, "botId")
	want(t, "one's own", remove(bobCtx, first), "", "")
	want(t, "again", remove(bobCtx, first), fault.NotFound, "")
	_, err = c.check(t.Context(), token)
	want(t, "its token", err, fault.Unauthenticated, "")
	if name := nextName(t, changes); name != "deleted user" {
		t.Errorf("published as %q", name)
	}
	second, token := makeBot("helper") // the name is free
	want(t, "its owner leaves", try[*authv1.DeleteMeResponse](bobCtx, c, "DeleteMe", &authv1.DeleteMeRequest{Password: "correct horse bob"}), "", "")
	_, err = c.check(t.Context(), token)
	want(t, "the token of a bot whose owner left", err, fault.Unauthenticated, "")
	users, err := call[*authv1.GetUsersResponse](owner, c, "GetUsers", &authv1.GetUsersRequest{UserIds: []string{second}})
	if err != nil || len(users.GetUsers()) != 1 || users.GetUsers()[0].GetUsername() != "deleted user" {
		t.Errorf("a bot whose owner left: %v, %v", users, err)
	}
	events, err := call[*authv1.ListAuditEventsResponse](owner, c, "ListAuditEvents", &authv1.ListAuditEventsRequest{Kind: "bot_deleted"})
	if list := events.GetEvents(); err != nil || len(list) != 2 || list[1].GetUserId() != first || list[0].GetUserId() != second ||
		list[0].GetActorId() != bob.GetUser().GetId() || list[0].GetDetail() != "helper" {
		t.Errorf("%v, %v", events, err)
	}
}

// Events older than the setting says are removed; without it, none is.
func TestAuditRetention(t *testing.T) {
	t.Parallel()
	natsURL := testkit.NATS(t)
	if _, err := start(t, settings(t, natsURL, map[string]string{"NATTER_AUDIT_RETENTION": "-1h"})); err == nil || !strings.Contains(err.Error(), "NATTER_AUDIT_RETENTION") {
		t.Errorf("a negative retention: %v", err)
	}
	same := settings(t, natsURL, nil)
	first := mustStart(t, same)
	c := dial(t, natsURL)
	owner, _ := signUp(t, c, "olga")
	database, err := sqlite.Open(t.Context(), filepath.Join(same["NATTER_DATA_DIR"], "auth.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = database.Close() })
	old := audit.Event{At: time.Now().Add(-2 * time.Hour).UTC().Truncate(time.Millisecond), Kind: audit.KeysRevoked}
	if err := database.AppendAudit(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	count := func(kind string) int {
		t.Helper()
		res, err := call[*authv1.ListAuditEventsResponse](owner, c, "ListAuditEvents", &authv1.ListAuditEventsRequest{Kind: kind})
		if err != nil {
			t.Fatal(err)
		}
		return len(res.GetEvents())
	}
	if err := first.stop(); err != nil { // its job has run at least once when it ends
		t.Fatal(err)
	}
	second := mustStart(t, same)
	if n := count("keys_revoked"); n != 1 {
		t.Errorf("%d old events without a retention, want 1", n)
	}
	if err := second.stop(); err != nil {
		t.Fatal(err)
	}
	same["NATTER_AUDIT_RETENTION"] = "1h"
	mustStart(t, same)
	for deadline := time.After(20 * time.Second); count("keys_revoked") != 0; {
		select {
		case <-deadline:
			t.Fatal("an old event is still there")
		case <-time.After(20 * time.Millisecond):
		}
	}
	if n := count("user_registered"); n != 1 {
		t.Errorf("%d events that are not old, want 1", n)
	}
}

func TestAuditLog(t *testing.T) {
	t.Parallel()
	natsURL := testkit.NATS(t)
	mustStart(t, settings(t, natsURL, nil))
	c := dial(t, natsURL)
	owner, _ := signUp(t, c, "olga")
	ann, annIn := signUp(t, c, "ann")
	for range 3 {
		if _, err := c.login(from(t.Context(), "2001:db8::7"), "ann@example.org", "hunter2"); fault.CodeOf(err) != fault.Unauthenticated {
			t.Fatal(err)
		}
	}
	list := func(ctx context.Context, req *authv1.ListAuditEventsRequest) ([]*authv1.AuditEvent, error) {
		res, err := call[*authv1.ListAuditEventsResponse](ctx, c, "ListAuditEvents", req)
		return res.GetEvents(), err
	}
	id := annIn.GetUser().GetId()
	var all []*authv1.AuditEvent
	for before := ""; ; {
		page, err := list(owner, &authv1.ListAuditEventsRequest{UserId: id, Kind: "login_failed", Before: before, Limit: 2})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		all = append(all, page...)
		before = page[len(page)-1].GetId()
	}
	if len(all) != 3 {
		t.Errorf("%d failed sign-ins, want 3", len(all))
	}
	for _, e := range all {
		if e.GetUserId() != id || e.GetActorId() != "" || e.GetAddress() != "2001:db8::7" || strings.Contains(e.GetDetail(), "hunter2") ||
			time.Since(e.GetAt().AsTime()) > time.Minute {
			t.Errorf("%v", e)
		}
	}
	if events, err := list(owner, &authv1.ListAuditEventsRequest{}); err != nil || len(events) < 5 {
		t.Errorf("all: %v, %v", events, err)
	}
	callers := map[string]context.Context{"nobody": t.Context(), "ann": ann, "owner": owner}
	for name, tc := range map[string]struct {
		by    string
		req   *authv1.ListAuditEventsRequest
		code  fault.Code
		field string
	}{
		"a member":        {"ann", &authv1.ListAuditEventsRequest{}, fault.PermissionDenied, ""},
		"nobody":          {"nobody", &authv1.ListAuditEventsRequest{}, fault.Unauthenticated, ""},
		"no such kind":    {"owner", &authv1.ListAuditEventsRequest{Kind: "x"}, fault.InvalidArgument, "kind"},
		"malformed user":  {"owner", &authv1.ListAuditEventsRequest{UserId: "*"}, fault.InvalidArgument, "userId"},
		"malformed event": {"owner", &authv1.ListAuditEventsRequest{Before: "-1"}, fault.InvalidArgument, "before"},
		"a large page":    {"owner", &authv1.ListAuditEventsRequest{Limit: 201}, fault.InvalidArgument, "limit"},
	} {
		_, err := list(callers[tc.by], tc.req)
		if f := fault.From(err); err == nil || f.Code != tc.code || f.Field != tc.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	if events, err := list(owner, &authv1.ListAuditEventsRequest{UserId: ids.New[ids.User]().String()}); err != nil || len(events) != 0 {
		t.Errorf("of nobody: %v, %v", events, err)
	}
}
