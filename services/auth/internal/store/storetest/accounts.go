package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// now is the time of the tests of accounts.
var now = time.UnixMilli(1_763_800_000_123).UTC()

func mustSignUp(t *testing.T, s store.Store, name string, want user.Role) user.User {
	t.Helper()
	u := newUser(name)
	role, err := s.SignUp(t.Context(), u, false, nil)
	if err != nil || role != want {
		t.Fatalf("%s signs up: %v, %v; want %v", name, role, err, want)
	}
	u.Role = role
	return u
}

// update is UpdateUser that must succeed.
func update(t *testing.T, s store.Store, id ids.User, change func(*user.User)) user.User {
	t.Helper()
	u, err := s.UpdateUser(t.Context(), id, func(u *user.User) error { change(u); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// firstIsTheOwner: of many who register at once on an empty server, one is the owner, and none is refused.
func firstIsTheOwner(t *testing.T, a, b store.Store) {
	mustCreate(t, a, newUser("provisioned")) // nobody registered: no owner
	const many = 24
	roles := make([]user.Role, many)
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range many {
		all.Go(func() {
			<-start
			var err error
			if roles[i], err = []store.Store{a, b}[i%2].SignUp(t.Context(), newUser(fmt.Sprintf("user%d", i)), true, nil); err != nil {
				if !errors.Is(err, store.ErrNotInvited) {
					t.Error(err)
				}
				roles[i] = -1
			}
		})
	}
	close(start)
	all.Wait()
	owners, others := 0, 0
	for _, role := range roles {
		switch role {
		case user.Owner:
			owners++
		case -1: // by invitation only: nobody but the owner
		default:
			others++
		}
	}
	users, err := a.Users(t.Context(), ids.User{}, 100)
	if owners != 1 || others != 0 || err != nil || len(users) != 2 {
		t.Errorf("%d owners, %d others; %d users, %v; want the owner only", owners, others, len(users), err)
	}
	mustSignUp(t, b, "late", user.Member)
	if _, err := a.SignUp(t.Context(), newUser("Late"), false, nil); !errors.Is(err, store.ErrEmailTaken) {
		t.Errorf("a taken name: %v", err)
	}
}

func oneOwnerOfManyOnAnOpenServer(t *testing.T, a, b store.Store) {
	const many = 24
	var all sync.WaitGroup
	var mu sync.Mutex
	count := map[user.Role]int{}
	start := make(chan struct{})
	for i := range many {
		all.Go(func() {
			<-start
			role, err := []store.Store{a, b}[i%2].SignUp(t.Context(), newUser(fmt.Sprintf("user%d", i)), false, nil)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			count[role]++
		})
	}
	close(start)
	all.Wait()
	if want := map[user.Role]int{user.Owner: 1, user.Member: many - 1}; !reflect.DeepEqual(count, want) {
		t.Errorf("%v, want %v", count, want)
	}
}

func updateUser(t *testing.T, s, other store.Store) {
	ann, bob := mustSignUp(t, s, "Ann", user.Owner), mustSignUp(t, s, "Bob", user.Member)
	bob.Email, bob.EmailVerified = user.Name{Text: "B@x.org", Key: "b@x.org"}, true
	bob.Username = user.Name{Text: "Robert", Key: "robert"}
	bob.Avatar, bob.PasswordHash, bob.Role, bob.State = "/b.png", "$new", user.Admin, user.Deactivated
	got := update(t, s, bob.ID, func(u *user.User) { *u = bob })
	stored, err := other.UserByID(t.Context(), bob.ID)
	if err != nil || got != bob || stored != bob {
		t.Errorf("%+v, and by another instance %+v, %v; want %+v", got, stored, err, bob)
	}
	refused := errors.New("no")
	for name, tc := range map[string]struct {
		id     ids.User
		change func(*user.User) error
		want   error
	}{
		"no such user": {ids.New[ids.User](), func(*user.User) error { return nil }, fault.New(fault.NotFound, "")},
		"e-mail":       {bob.ID, func(u *user.User) error { u.Email = ann.Email; return nil }, store.ErrEmailTaken},
		"username":     {bob.ID, func(u *user.User) error { u.Username = ann.Username; return nil }, store.ErrUsernameTaken},
		"refused":      {bob.ID, func(u *user.User) error { u.Avatar = "/no.png"; return refused }, refused},
	} {
		if _, err := s.UpdateUser(t.Context(), tc.id, tc.change); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	if again, err := s.UserByID(t.Context(), bob.ID); err != nil || again != bob {
		t.Errorf("after what was refused: %+v, %v; want %+v", again, err, bob)
	}
}

// updatesDoNotMeet: of changes to one user at once, each sees the one before.
func updatesDoNotMeet(t *testing.T, a, b store.Store) {
	ann := mustSignUp(t, a, "Ann", user.Owner)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			update(t, []store.Store{a, b}[i%2], ann.ID, func(u *user.User) { u.Avatar += "x" })
		})
	}
	all.Wait()
	if u, err := a.UserByID(t.Context(), ann.ID); err != nil || len(u.Avatar) != 20 {
		t.Errorf("%q, %v; want 20", u.Avatar, err)
	}
}

func handOver(t *testing.T, s, other store.Store) {
	ann, bob := mustSignUp(t, s, "Ann", user.Owner), mustSignUp(t, s, "Bob", user.Member)
	gone := update(t, s, mustSignUp(t, s, "gone", user.Member).ID, func(u *user.User) { u.State = user.Deactivated })
	for name, pair := range map[string][2]ids.User{
		"of a member": {bob.ID, ann.ID}, "to one who cannot sign in": {ann.ID, gone.ID}, "to nobody": {ann.ID, ids.New[ids.User]()},
	} {
		if err := s.HandOver(t.Context(), pair[0], pair[1]); fault.CodeOf(err) != fault.Conflict {
			t.Errorf("%s: %v", name, err)
		}
	}
	if u, err := other.UserByID(t.Context(), ann.ID); err != nil || u.Role != user.Owner {
		t.Errorf("after what was refused Ann is %v, %v", u.Role, err)
	}
	if err := s.HandOver(t.Context(), ann.ID, bob.ID); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[ids.User]user.Role{ann.ID: user.Admin, bob.ID: user.Owner} {
		if u, err := other.UserByID(t.Context(), id); err != nil || u.Role != want {
			t.Errorf("%s is %v, %v; want %v", u.Username.Text, u.Role, err, want)
		}
	}
}

func eraseUser(t *testing.T, s, other store.Store) {
	mustSignUp(t, s, "owner", user.Owner)
	ann := mustSignUp(t, s, "Ann", user.Member)
	token := newMailToken(ann, store.ResetPassword, "a")
	err := errors.Join(s.AddIdentity(t.Context(), newIdentity(ann.ID, "ann"), ids.Session{}), s.AddToken(t.Context(), newToken(ann.ID, "api"), ids.Session{}, 10),
		s.PutMailToken(t.Context(), token, ids.Session{}, 0), s.OfferSecondFactor(t.Context(), ann.ID, ids.Session{}, []byte("sealed")),
		s.ConfirmSecondFactor(t.Context(), ann.ID, []byte("sealed"), 1, [][]byte{[]byte("code")}))
	if err != nil {
		t.Fatal(err)
	}
	if ended, err := s.EraseUser(t.Context(), ann.ID, now); err != nil || len(ended.Tokens[ann.ID]) != 1 {
		t.Fatalf("%+v, %v", ended, err)
	}
	want := ann
	want = want.Erased()
	if u, err := other.UserByID(t.Context(), ann.ID); err != nil || u != want {
		t.Errorf("%+v, %v; want %+v", u, err, want)
	}
	_, byEmail := s.UserByEmail(t.Context(), ann.Email.Key)
	_, mail := s.MailToken(t.Context(), token.Hash, token.Purpose, now)
	_, factor := s.SecondFactor(t.Context(), ann.ID)
	_, identity := s.IdentityBySubject(t.Context(), "https://accounts.example.org", "ann")
	_, nobody := s.EraseUser(t.Context(), ids.New[ids.User](), now)
	_, api := s.TokenByHash(t.Context(), newToken(ann.ID, "api").Hash)
	for what, err := range map[string]error{
		"by e-mail": byEmail, "mail token": mail, "second factor": factor, "identity": identity, "API token": api,
		"recovery code": s.UseRecoveryCode(t.Context(), ann.ID, []byte("code")),
		"nobody":        nobody,
	} {
		if fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: %v, want not_found", what, err)
		}
	}
	// The names are free, and two may be deleted.
	again := mustSignUp(t, s, "Ann", user.Member)
	if _, err := s.EraseUser(t.Context(), again.ID, now); err != nil {
		t.Error(err)
	}
}

func usersInPages(t *testing.T, s, _ store.Store) {
	var want []user.User
	for i := range 5 {
		want = append(want, mustCreate(t, s, newUser(fmt.Sprintf("user%d", i))))
	}
	slices.SortFunc(want, func(a, b user.User) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	var got []user.User
	var after ids.User
	for {
		page, err := s.Users(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		got, after = append(got, page...), page[len(page)-1].ID
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

func newMailToken(u user.User, purpose store.MailPurpose, hash string) store.MailToken {
	return store.MailToken{
		User: u.ID, Purpose: purpose, Hash: []byte(hash), Email: u.Email, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}
}

func mailTokens(t *testing.T, s, other store.Store) {
	ann := mustSignUp(t, s, "Ann", user.Owner)
	verify, reset := newMailToken(ann, store.VerifyEmail, "verify"), newMailToken(ann, store.ResetPassword, "reset")
	if err := errors.Join(s.PutMailToken(t.Context(), verify, ids.Session{}, time.Minute), s.PutMailToken(t.Context(), reset, ids.Session{}, time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got, err := other.MailToken(t.Context(), []byte("reset"), store.ResetPassword, now); err != nil || !reflect.DeepEqual(got, reset) {
		t.Errorf("%+v, %v; want %+v", got, err, reset)
	}
	// Another one instead, but not at once.
	next := newMailToken(ann, store.ResetPassword, "next")
	next.CreatedAt = now.Add(time.Minute - time.Millisecond)
	if err := other.PutMailToken(t.Context(), next, ids.Session{}, time.Minute); !errors.Is(err, store.ErrMailedBefore) {
		t.Errorf("within a minute: %v", err)
	}
	next.CreatedAt = now.Add(time.Minute)
	if err := other.PutMailToken(t.Context(), next, ids.Session{}, time.Minute); err != nil {
		t.Error(err)
	}
	unchanged := func(store.MailToken, *user.User) error { return nil }
	for name, tc := range map[string]struct {
		hash    string
		purpose store.MailPurpose
		at      time.Time
	}{
		"replaced": {"reset", store.ResetPassword, now}, "of another purpose": {"next", store.VerifyEmail, now},
		"expired": {"next", store.ResetPassword, next.ExpiresAt}, "made up": {"", store.ResetPassword, now},
	} {
		_, readErr := s.MailToken(t.Context(), []byte(tc.hash), tc.purpose, tc.at)
		_, useErr := s.UseMailToken(t.Context(), []byte(tc.hash), tc.purpose, tc.at, unchanged)
		if fault.CodeOf(readErr) != fault.NotFound || fault.CodeOf(useErr) != fault.NotFound {
			t.Errorf("%s: %v, %v; want not_found", name, readErr, useErr)
		}
	}
	// What is refused leaves the token.
	refused := errors.New("no")
	_, err := s.UseMailToken(t.Context(), []byte("next"), store.ResetPassword, now, func(store.MailToken, *user.User) error { return refused })
	if !errors.Is(err, refused) {
		t.Errorf("refused: %v", err)
	}
	u, err := s.UseMailToken(t.Context(), []byte("next"), store.ResetPassword, now, func(got store.MailToken, u *user.User) error {
		if !reflect.DeepEqual(got, next) {
			t.Errorf("%+v, want %+v", got, next)
		}
		u.PasswordHash = "$new"
		return nil
	})
	if stored, readErr := other.UserByID(t.Context(), ann.ID); err != nil || readErr != nil || stored != u || u.PasswordHash != "$new" {
		t.Errorf("%+v, %v; stored %+v, %v", u, err, stored, readErr)
	}
	if err := s.DropMailTokens(t.Context(), ann.ID); err != nil {
		t.Error(err)
	}
	if _, err := s.MailToken(t.Context(), verify.Hash, verify.Purpose, now); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("dropped: %v", err)
	}
}

// mailTokenWorksOnce also for many who use it at the same time.
func mailTokenWorksOnce(t *testing.T, a, b store.Store) {
	ann := mustSignUp(t, a, "Ann", user.Owner)
	if err := a.PutMailToken(t.Context(), newMailToken(ann, store.ResetPassword, "reset"), ids.Session{}, 0); err != nil {
		t.Fatal(err)
	}
	race(t, 12, []store.Store{a, b}, func(s store.Store, _ int) error {
		_, err := s.UseMailToken(t.Context(), []byte("reset"), store.ResetPassword, now, func(_ store.MailToken, u *user.User) error {
			u.Avatar += "x"
			return nil
		})
		return lost(err, fault.NotFound)
	})
	if u, err := b.UserByID(t.Context(), ann.ID); err != nil || u.Avatar != "x" {
		t.Errorf("%+v, %v; want it changed once", u, err)
	}
}

// lost makes an error of this code one that race counts as that of a loser.
func lost(err error, code fault.Code) error {
	if fault.CodeOf(err) == code {
		return fault.New(fault.AlreadyExists, "lost")
	}
	return err
}

func newInvitation(by user.User, hash string, uses int) store.Invitation {
	return store.Invitation{
		ID: ids.New[ids.Invitation](), Hash: []byte(hash), CreatedBy: by.ID, Note: "for " + hash, MaxUses: uses,
		CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}
}

func invitations(t *testing.T, s, other store.Store) {
	ann := mustSignUp(t, s, "Ann", user.Owner)
	list := []store.Invitation{newInvitation(ann, "first", 1), newInvitation(ann, "second", 1), newInvitation(ann, "third", 9)}
	slices.SortFunc(list, func(a, b store.Invitation) int { return bytes.Compare(b.ID[:], a.ID[:]) })
	for _, i := range list {
		if err := s.AddInvitation(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	all, err := other.Invitations(t.Context(), ids.Invitation{}, 10)
	first, firstErr := other.Invitations(t.Context(), ids.Invitation{}, 1)
	rest, restErr := other.Invitations(t.Context(), list[0].ID, 10)
	if err != nil || firstErr != nil || restErr != nil || !reflect.DeepEqual(all, list) || !reflect.DeepEqual(append(first, rest...), list) {
		t.Errorf("%+v, %v; in pages %+v, %v, %+v, %v; want %+v", all, err, first, firstErr, rest, restErr, list)
	}
	if err := s.DeleteInvitation(t.Context(), list[2].ID); err != nil {
		t.Error(err)
	}
	if err := s.DeleteInvitation(t.Context(), list[2].ID); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a second time: %v", err)
	}
	late := newUser("late")
	late.CreatedAt = list[0].ExpiresAt
	for name, try := range map[string]func() error{
		"none":    func() error { _, err := s.SignUp(t.Context(), newUser("bob"), true, nil); return err },
		"another": func() error { _, err := s.SignUp(t.Context(), newUser("bob"), true, []byte("fourth")); return err },
		"deleted": func() error { _, err := s.SignUp(t.Context(), newUser("bob"), true, list[2].Hash); return err },
		"expired": func() error { _, err := s.SignUp(t.Context(), late, true, list[0].Hash); return err },
	} {
		if err := try(); !errors.Is(err, store.ErrNotInvited) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func invitationIsUsedUp(t *testing.T, a, b store.Store) {
	ann := mustSignUp(t, a, "Ann", user.Owner)
	if err := a.AddInvitation(t.Context(), newInvitation(ann, "code", 2)); err != nil {
		t.Fatal(err)
	}
	// What fails for another reason leaves it as it was.
	if _, err := a.SignUp(t.Context(), newUser("ann"), true, []byte("code")); !errors.Is(err, store.ErrEmailTaken) {
		t.Errorf("a taken name: %v", err)
	}
	if _, err := a.SignUp(t.Context(), newUser("first"), true, []byte("code")); err != nil {
		t.Fatal(err)
	}
	race(t, 12, []store.Store{a, b}, func(s store.Store, i int) error {
		_, err := s.SignUp(t.Context(), newUser(fmt.Sprintf("user%d", i)), true, []byte("code"))
		return lost(err, fault.PermissionDenied)
	})
	if list, err := b.Invitations(t.Context(), ids.Invitation{}, 1); err != nil || len(list) != 1 || list[0].Uses != 2 {
		t.Errorf("%+v, %v; want 2 uses", list, err)
	}
}

func deleteExpired(t *testing.T, s, _ store.Store) {
	ann := mustSignUp(t, s, "Ann", user.Owner)
	long := newMailToken(ann, store.ResetPassword, "reset")
	long.ExpiresAt = now.Add(2 * time.Hour)
	longInvitation := newInvitation(ann, "long", 1)
	longInvitation.ExpiresAt = long.ExpiresAt
	short := newToken(ann.ID, "short")
	short.ExpiresAt = now.Add(time.Hour)
	err := errors.Join(s.PutMailToken(t.Context(), newMailToken(ann, store.VerifyEmail, "verify"), ids.Session{}, 0), s.PutMailToken(t.Context(), long, ids.Session{}, 0),
		s.AddInvitation(t.Context(), newInvitation(ann, "short", 1)), s.AddInvitation(t.Context(), longInvitation),
		s.AddToken(t.Context(), newToken(ann.ID, "forever"), ids.Session{}, 10), s.AddToken(t.Context(), short, ids.Session{}, 10))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after time.Duration
		want  int64
	}{{time.Hour - time.Millisecond, 0}, {time.Hour, 3}, {time.Hour, 0}, {2 * time.Hour, 2}} {
		if n, err := s.DeleteExpired(t.Context(), now.Add(step.after)); err != nil || n != step.want {
			t.Errorf("after %v: %d, %v; want %d", step.after, n, err, step.want)
		}
	}
	if left, err := s.TokensOf(t.Context(), ann.ID); err != nil || len(left) != 1 || left[0].Name != "forever" {
		t.Errorf("API tokens left: %+v, %v", left, err)
	}
}
