// Package storetest is what every engine of auth's store must pass.
package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// Run runs the suite. fresh makes an empty database and returns what opens a store on it; every call of that is another
// instance of auth. Stores are closed by the suite.
func Run(t *testing.T, fresh func(*testing.T) (open func() store.Store)) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, store.Store, store.Store){
		"SessionRoundTrip": sessionRoundTrip, "SessionsAreBounded": sessionsAreBounded, "RevokeSessions": revokeSessions,
		"RevokedSessionsArePaged": revokedSessionsArePaged, "ForgetSessions": forgetSessions,
		"OneSuccessorOfARefreshToken": oneSuccessorOfARefreshToken, "RevokeWhileRefreshing": revokeWhileRefreshing,

		"UserRoundTrip":            userRoundTrip,
		"UnknownUsers":             unknownUsers,
		"NamesAreUnique":           namesAreUnique,
		"OneOfManyGetsTheName":     oneOfManyGetsTheName,
		"AddUsers":                 addUsers,
		"UsersByID":                usersByID,
		"UsersByName":              usersByName,
		"UsersByPrefix":            usersByPrefix,
		"SigningKeys":              signingKeys,
		"KeyChangesTakeTurns":      keyChangesTakeTurns,
		"PingTriesTheDatabase":     pingTriesTheDatabase,
		"EndsWithTheContext":       endsWithTheContext,
		"Identities":               identities,
		"OneOfManyGetsTheIdentity": oneOfManyGetsTheIdentity,
		"RemoveIdentity":           removeIdentity,
		"OneWayInIsLeft":           oneWayInIsLeft,
		"ClaimUser":                claimUser,
		"ResetPassword":            resetPassword,
		"ClaimWhileWaysAreOpened":  claimWhileWaysAreOpened,
		"ClosedAreNotEntered":      closedAccountsAreNotEntered,
		"ErasedIdentities":         erasedIdentities,
		"UseOnce":                  useOnce,
		"AuditEvents":              auditEvents,
		"Standings":                standings,
		"AuditOfManyAtOnce":        auditOfManyAtOnce,
		"ForgetAudit":              forgetAudit,
		"WaitsDouble":              waitsDouble,
		"SharedLimits":             sharedLimits,
		"ForgivenAttempts":         forgivenAttempts,
		"KnownPass":                knownPass,
		"ManyAttemptsAtOnce":       manyAttemptsAtOnce,
		"ForgetsAttempts":          forgetsAttempts,
		"Tokens":                   tokens,
		"TokensAtMost":             tokensAtMost,
		"GoodTokens":               goodTokens,
		"Bots":                     bots,
		"FirstIsTheOwner":          firstIsTheOwner,
		"OneOwnerOfMany":           oneOwnerOfManyOnAnOpenServer,
		"UpdateUser":               updateUser,
		"UpdatesDoNotMeet":         updatesDoNotMeet,
		"HandOver":                 handOver,
		"EraseUser":                eraseUser,
		"UsersInPages":             usersInPages,
		"MailTokens":               mailTokens,
		"MailTokenWorksOnce":       mailTokenWorksOnce,
		"Invitations":              invitations,
		"InvitationIsUsedUp":       invitationIsUsedUp,
		"DeleteExpired":            deleteExpired,
		"SecondFactors":            secondFactors,
		"CodesWorkOnce":            codesWorkOnce,
		"ResealSecondFactors":      resealSecondFactors,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open := fresh(t)
			a, b := open(), open()
			t.Cleanup(func() {
				if err := errors.Join(a.Close(), b.Close()); err != nil {
					t.Error(err)
				}
			})
			test(t, a, b)
		})
	}
	t.Run("KeepsWhatWasStored", func(t *testing.T) {
		t.Parallel()
		keepsWhatWasStored(t, fresh(t))
	})
}

// newUser is a user whose names are made of name.
func newUser(name string) user.User {
	return user.User{
		ID:           ids.New[ids.User](),
		Email:        user.Name{Text: name + "@Example.org", Key: strings.ToLower(name) + "@example.org"},
		Username:     user.Name{Text: name, Key: strings.ToLower(name)},
		PasswordHash: "$argon2id$" + name,
		CreatedAt:    time.UnixMilli(1_763_800_000_123).UTC(),
	}
}

func mustCreate(t *testing.T, s store.Store, u user.User) user.User {
	t.Helper()
	if err := s.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	return u
}

func userRoundTrip(t *testing.T, s, other store.Store) {
	full := newUser("Zoë-小林")
	full.Avatar = "https://example.org/a.png?x='\""
	bare := newUser("bare")
	bare.PasswordHash = ""
	for _, want := range []user.User{full, bare} {
		mustCreate(t, s, want)
		if got, err := s.UserByID(t.Context(), want.ID); err != nil || got != want {
			t.Errorf("by id: %+v, %v\nwant %+v", got, err, want)
		}
		if got, err := other.UserByEmail(t.Context(), want.Email.Key); err != nil || got != want {
			t.Errorf("by e-mail, by another instance: %+v, %v\nwant %+v", got, err, want)
		}
	}
}

func unknownUsers(t *testing.T, s, _ store.Store) {
	mustCreate(t, s, newUser("Ann"))
	if u, err := s.UserByID(t.Context(), ids.New[ids.User]()); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("by id: %+v, %v", u, err)
	}
	for _, email := range []string{"bob@example.org", "Ann@Example.org", "ann@example.or_", "%", ""} { // a key is compared as it is
		if u, err := s.UserByEmail(t.Context(), email); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("by e-mail %q: %+v, %v", email, u, err)
		}
	}
}

func namesAreUnique(t *testing.T, s, other store.Store) {
	ann := mustCreate(t, s, newUser("Ann"))
	sameEmail, sameUsername, both := newUser("Bob"), newUser("Bob"), newUser("Ann")
	sameEmail.Email = user.Name{Text: "ANN@example.org", Key: ann.Email.Key}
	sameUsername.Username = user.Name{Text: "aNN", Key: ann.Username.Key}
	for _, tc := range []struct {
		user user.User
		want error
	}{{sameEmail, store.ErrEmailTaken}, {sameUsername, store.ErrUsernameTaken}, {both, store.ErrEmailTaken}} {
		for _, instance := range []store.Store{s, other} {
			err := instance.CreateUser(t.Context(), tc.user)
			if f := fault.From(err); !errors.Is(err, tc.want) || f.Field != fault.From(tc.want).Field {
				t.Errorf("%s, %s: %v, want %v", tc.user.Email.Text, tc.user.Username.Text, err, tc.want)
			}
		}
		if _, err := s.UserByID(t.Context(), tc.user.ID); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("the refused user is there: %v", err)
		}
	}
	mustCreate(t, s, newUser("Bob"))
}

// outcome counts what many did at once.
type outcome struct {
	mu       sync.Mutex
	ok, lost int
	others   []error
}

func (o *outcome) count(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err == nil:
		o.ok++
	case fault.CodeOf(err) == fault.AlreadyExists:
		o.lost++
	default:
		o.others = append(o.others, err)
	}
}

// race runs fn n times at once, over both instances, and fails unless exactly one succeeds.
func race(t *testing.T, n int, instances []store.Store, fn func(s store.Store, i int) error) {
	t.Helper()
	var all sync.WaitGroup
	var o outcome
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			o.count(fn(instances[i%len(instances)], i))
		})
	}
	close(start)
	all.Wait()
	if o.ok != 1 || o.lost != n-1 {
		t.Errorf("%d succeeded, %d lost, others %v; want 1 and %d", o.ok, o.lost, o.others, n-1)
	}
}

func oneOfManyGetsTheName(t *testing.T, a, b store.Store) {
	race(t, 16, []store.Store{a, b}, func(s store.Store, i int) error {
		u := newUser(fmt.Sprintf("user%d", i))
		u.Email = user.Name{Text: "ann@example.org", Key: "ann@example.org"}
		return s.CreateUser(t.Context(), u)
	})
	race(t, 16, []store.Store{a, b}, func(s store.Store, i int) error {
		u := newUser(fmt.Sprintf("other%d", i))
		u.Username = user.Name{Text: "ann", Key: "ann"}
		return s.CreateUser(t.Context(), u)
	})
}

func addUsers(t *testing.T, s, other store.Store) {
	var want []user.User
	for i := range 100 {
		want = append(want, newUser(fmt.Sprintf("many-%d", i)))
	}
	if err := s.AddUsers(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	for _, u := range []user.User{want[0], want[99]} {
		if got, err := other.UserByID(t.Context(), u.ID); err != nil || got != u {
			t.Errorf("UserByID = %+v, %v; want %+v", got, err, u)
		}
	}
	// All or none.
	fresh := newUser("fresh")
	if err := s.AddUsers(t.Context(), []user.User{fresh, newUser("Many-7")}); fault.CodeOf(err) != fault.AlreadyExists {
		t.Errorf("a taken name: %v", err)
	}
	if u, err := other.UserByID(t.Context(), fresh.ID); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("after a failed AddUsers one of them is there: %+v, %v", u, err)
	}
}

func usersByID(t *testing.T, s, _ store.Store) {
	var want []user.User
	for i := range 20 {
		want = append(want, mustCreate(t, s, newUser(fmt.Sprintf("user%d", i))))
	}
	list := make([]ids.User, 0, 520)
	for _, u := range want {
		list = append(list, u.ID, u.ID)
	}
	mustCreate(t, s, newUser("not-asked-for"))
	for len(list) < cap(list) {
		list = append(list, ids.New[ids.User]())
	}
	got, err := s.UsersByID(t.Context(), list)
	byID := func(a, b user.User) int { return cmp.Compare(a.ID.String(), b.ID.String()) }
	slices.SortFunc(got, byID)
	slices.SortFunc(want, byID)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%d users, %v; want %d\n%+v", len(got), err, len(want), got)
	}
	if got, err := s.UsersByID(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("of no ids: %+v, %v", got, err)
	}
}

func usersByName(t *testing.T, s, _ store.Store) {
	ann, zoe := mustCreate(t, s, newUser("Ann")), mustCreate(t, s, newUser("Zoë"))
	mustCreate(t, s, newUser("not-asked-for"))
	got, err := s.UsersByName(t.Context(), []string{"zoë", "nobody", "ann", "ann", `"'`})
	slices.SortFunc(got, func(a, b user.User) int { return cmp.Compare(a.Username.Key, b.Username.Key) })
	if want := []user.User{ann, zoe}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if got, err := s.UsersByName(t.Context(), []string{"Ann"}); err != nil || len(got) != 0 {
		t.Errorf("what is no key: %+v, %v", got, err)
	}
	if got, err := s.UsersByName(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("of no names: %+v, %v", got, err)
	}
}

func usersByPrefix(t *testing.T, s, _ store.Store) {
	ann := mustCreate(t, s, newUser("Ann"))
	anna, annz, bob := mustCreate(t, s, newUser("anna")), mustCreate(t, s, newUser("ann\u017e")), mustCreate(t, s, newUser("bob"))
	closed := mustCreate(t, s, newUser("annette"))
	if _, err := s.UpdateUser(t.Context(), closed.ID, func(u *user.User) error { u.State = user.Deactivated; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		prefix, after string
		limit         int
		want          []user.User
	}{
		{"ann", "", 10, []user.User{ann, anna, annz}},
		{"ann", "", 2, []user.User{ann, anna}},
		{"ann", "anna", 2, []user.User{annz}},
		{"", "anna", 10, []user.User{annz, bob}},
		{"An", "", 10, nil}, // no key
		{"%", "", 10, nil},
	} {
		if got, err := s.UsersByPrefix(t.Context(), c.prefix, c.after, c.limit); err != nil || !reflect.DeepEqual(got, c.want) && len(got)+len(c.want) > 0 {
			t.Errorf("%q after %q: %+v, %v; want %+v", c.prefix, c.after, got, err, c.want)
		}
	}
}

func pingTriesTheDatabase(t *testing.T, s, _ store.Store) {
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	mustCreate(t, s, newUser("ann"))
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func endsWithTheContext(t *testing.T, s, _ store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, readErr := s.UserByEmail(ctx, "ann@example.org")
	for name, err := range map[string]error{
		"read": readErr, "write": s.CreateUser(ctx, newUser("ann")), "ping": s.Ping(ctx),
	} {
		if fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("%s: %v, want unavailable", name, err)
		}
	}
}

func keepsWhatWasStored(t *testing.T, open func() store.Store) {
	first := open()
	want := mustCreate(t, first, newUser("ann"))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := open()
	defer func() { _ = second.Close() }()
	if got, err := second.UserByID(t.Context(), want.ID); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}
