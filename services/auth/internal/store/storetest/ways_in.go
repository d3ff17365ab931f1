package storetest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// ways are all ways into an account, as somebody has them who registered an address that is not theirs.
type ways struct {
	user    user.User
	session store.Session
	bot     user.User
	ended   store.Ended // what is to end
	change  store.MailToken
}

func openWays(t *testing.T, s store.Store, name string) ways {
	t.Helper()
	u := newUser(name)
	u.PasswordHash = proof.PasswordHash
	w := ways{user: mustCreate(t, s, u), bot: newBot(u.ID, name+"-bot")}
	w.session = mustAddSession(t, s, u.ID, nil)
	mustLink(t, s, newIdentity(u.ID, "attacker of "+name))
	own, bots := newToken(u.ID, "own of "+name), newToken(w.bot.ID, "bot's of "+name)
	w.change = newMailToken(u, store.ChangeEmail, "attacker of "+name)
	err := errors.Join(s.AddBot(t.Context(), w.bot, 1), s.AddToken(t.Context(), own, w.session.ID, 1), s.AddToken(t.Context(), bots, w.session.ID, 1),
		s.OfferSecondFactor(t.Context(), u.ID, w.session.ID, []byte("attacker's")),
		s.ConfirmSecondFactor(t.Context(), u.ID, []byte("attacker's"), 1, [][]byte{[]byte("code")}),
		s.PutMailToken(t.Context(), w.change, w.session.ID, 0))
	if err != nil {
		t.Fatal(err)
	}
	w.ended = store.Ended{Sessions: []ids.Session{w.session.ID}, Tokens: map[ids.User][]ids.Session{u.ID: {own.ID}, w.bot.ID: {bots.ID}}}
	return w
}

// closed checks that nothing of what openWays made leads into the account any more, nor can it be added again.
func (w ways) closed(t *testing.T, s store.Store) {
	t.Helper()
	_, factor := s.SecondFactor(t.Context(), w.user.ID)
	_, mailed := s.MailToken(t.Context(), w.change.Hash, w.change.Purpose, now)
	_, identity := s.IdentityBySubject(t.Context(), newIdentity(w.user.ID, "").Issuer, "attacker of "+w.user.Username.Text)
	for what, err := range map[string]error{
		"second factor": factor, "mailed token": mailed, "identity": identity,
		"recovery code": s.UseRecoveryCode(t.Context(), w.user.ID, []byte("code")),
	} {
		if fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
	for of, ended := range w.ended.Tokens {
		if left, err := s.TokensOf(t.Context(), of); err != nil || len(left) != 0 {
			t.Errorf("API tokens %v, %v; %v was to end", left, err, ended)
		}
	}
	if left := live(t, s, w.user.ID); len(left) != 0 {
		t.Errorf("live sessions %v", left)
	}
	w.cannotBeOpened(t, s)
}

// cannotBeOpened tries what was under way while the account was claimed: it fails.
func (w ways) cannotBeOpened(t *testing.T, s store.Store) {
	t.Helper()
	for what, try := range w.openers(t) {
		if err := try(s); !errors.Is(err, store.ErrSessionEnded) && !errors.Is(err, store.ErrProof) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// openers are the ways to add a way in.
func (w ways) openers(t *testing.T) map[string]func(store.Store) error {
	t.Helper()
	signIn := func(ctx context.Context, s store.Store, by store.Proof) error {
		n, _ := newSession(w.user.ID)
		_, err := s.AddSession(ctx, n, by, 100)
		return err
	}
	ctx, by := t.Context(), w.session.ID
	return map[string]func(store.Store) error{
		"sign in with the password": func(s store.Store) error { return signIn(ctx, s, proof) },
		"sign in with nothing":      func(s store.Store) error { return signIn(ctx, s, store.Proof{}) },
		"sign in with an identity":  func(s store.Store) error { return signIn(ctx, s, store.Proof{Identity: ids.New[ids.Identity]()}) },
		"link an identity":          func(s store.Store) error { return s.AddIdentity(ctx, newIdentity(w.user.ID, "late"), by) },
		"make a token":              func(s store.Store) error { return s.AddToken(ctx, newToken(w.user.ID, "late"), by, 50) },
		"make a token of the bot":   func(s store.Store) error { return s.AddToken(ctx, newToken(w.bot.ID, "late bot's"), by, 50) },
		"change the address":        func(s store.Store) error { return s.PutMailToken(ctx, w.change, by, 0) },
		"set a second factor":       func(s store.Store) error { return s.OfferSecondFactor(ctx, w.user.ID, by, []byte("late")) },
	}
}

func sameEnded(got, want store.Ended) bool {
	return slices.Equal(got.Sessions, want.Sessions) && reflect.DeepEqual(got.Tokens, want.Tokens)
}

func claimUser(t *testing.T, s, other store.Store) {
	w, bystander := openWays(t, s, "Ann"), openWays(t, s, "Bystander")
	theirs := newIdentity(w.user.ID, "ann")
	theirs.CreatedAt = sessionTime
	if ended, err := s.ClaimUser(t.Context(), theirs); err != nil || !sameEnded(ended, w.ended) {
		t.Fatalf("%+v, %v; want %+v", ended, err, w.ended)
	}
	want := w.user
	want.PasswordHash, want.EmailVerified = "", true
	if got, err := other.UserByID(t.Context(), want.ID); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if got, err := other.IdentitiesOf(t.Context(), want.ID); err != nil || !reflect.DeepEqual(got, []store.Identity{theirs}) {
		t.Errorf("identities: %+v, %v; want their own only", got, err)
	}
	w.closed(t, other)
	n, _ := newSession(want.ID)
	if _, err := other.AddSession(t.Context(), n, store.Proof{Identity: theirs.ID}, 1); err != nil {
		t.Errorf("sign in with the identity: %v", err)
	}
	// A verified account is nobody's to claim.
	if _, err := s.ClaimUser(t.Context(), newIdentity(want.ID, "another")); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("claim a verified account: %v", err)
	}
	// All or nothing.
	if _, err := s.ClaimUser(t.Context(), newIdentity(bystander.user.ID, "ann")); !errors.Is(err, store.ErrIdentityTaken) {
		t.Errorf("claim by an identity of another user: %v", err)
	}
	if got, err := other.UserByID(t.Context(), bystander.user.ID); err != nil || got != bystander.user {
		t.Errorf("after a failed claim: %+v, %v; want %+v", got, err, bystander.user)
	}
	if !slices.Equal(live(t, other, bystander.user.ID), bystander.ended.Sessions) {
		t.Error("another's session has ended")
	}
}

// Who resets a password has the mailbox. If the address was not verified until then, the account is theirs alone.
func resetPassword(t *testing.T, s, other store.Store) {
	for name, wasVerified := range map[string]bool{"Unverified": false, "Verified": true} {
		w := openWays(t, s, name)
		reset := newMailToken(w.user, store.ResetPassword, "reset of "+name)
		if err := s.PutMailToken(t.Context(), reset, ids.Session{}, 0); err != nil {
			t.Fatal(err)
		}
		if wasVerified {
			if _, err := s.UpdateUser(t.Context(), w.user.ID, func(u *user.User) error { u.EmailVerified = true; return nil }); err != nil {
				t.Fatal(err)
			}
			w.ended.Tokens = nil
		}
		if _, _, err := s.ResetPassword(t.Context(), w.change.Hash, "$new", now); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: with a token of another purpose: %v", name, err)
		}
		u, ended, err := s.ResetPassword(t.Context(), reset.Hash, "$new", sessionTime)
		if err != nil || !sameEnded(ended, w.ended) || !u.EmailVerified || u.PasswordHash != "$new" {
			t.Errorf("%s: %+v, %+v, %v; want %+v to end", name, u, ended, err, w.ended)
		}
		if stored, err := other.UserByID(t.Context(), u.ID); err != nil || stored != u {
			t.Errorf("%s: stored %+v, %v", name, stored, err)
		}
		if _, err := other.MailToken(t.Context(), w.change.Hash, w.change.Purpose, now); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: a mail from before still works: %v", name, err)
		}
		if _, _, err := s.ResetPassword(t.Context(), reset.Hash, "$newer", sessionTime); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: twice: %v", name, err)
		}
		if !wasVerified {
			w.closed(t, other)
			continue
		}
		w.cannotBeOpened(t, other)
		if _, err := other.SecondFactor(t.Context(), u.ID); err != nil {
			t.Errorf("%s: the second factor is gone: %v", name, err)
		}
		if left, err := other.TokensOf(t.Context(), u.ID); err != nil || len(left) != 1 {
			t.Errorf("%s: API tokens %v, %v", name, left, err)
		}
	}
	// Neither a closed account, nor one that has another address by now.
	for name, change := range map[string]func(*user.User) error{
		"Closed":  func(u *user.User) error { u.State = user.Deactivated; return nil },
		"Renamed": func(u *user.User) error { u.Email = newUser("new").Email; return nil },
	} {
		u := mustCreate(t, s, newUser(name))
		reset := newMailToken(u, store.ResetPassword, name)
		_, err := other.UpdateUser(t.Context(), u.ID, change)
		if err = errors.Join(err, s.PutMailToken(t.Context(), reset, ids.Session{}, 0)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.ResetPassword(t.Context(), reset.Hash, "$new", sessionTime); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A closed account is not entered, whatever was proved before.
func closedAccountsAreNotEntered(t *testing.T, s, other store.Store) {
	id := newOwner(t, s)
	if _, err := s.UpdateUser(t.Context(), id, func(u *user.User) error { u.State = user.Deactivated; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, user := range []ids.User{id, ids.New[ids.User]()} {
		n, _ := newSession(user)
		if _, err := other.AddSession(t.Context(), n, proof, 1); !errors.Is(err, store.ErrProof) {
			t.Errorf("%v", err)
		}
	}
	// An identity is a proof of its own user only.
	ann, bob := newOwner(t, s), newOwner(t, s)
	linked := mustLink(t, s, newIdentity(bob, "bob"))
	n, _ := newSession(ann)
	if _, err := other.AddSession(t.Context(), n, store.Proof{Identity: linked.ID, PasswordHash: proof.PasswordHash}, 1); !errors.Is(err, store.ErrProof) {
		t.Errorf("another's identity: %v", err)
	}
}

// Whatever is added while an account is claimed, is gone after it, or was refused.
func claimWhileWaysAreOpened(t *testing.T, a, b store.Store) {
	for round := range 5 {
		w := openWays(t, a, string(rune('A'+round)))
		openers := w.openers(t)
		start, done := make(chan struct{}), make(chan error, len(openers)+1)
		go func() {
			<-start
			claim := newIdentity(w.user.ID, w.user.Username.Text)
			claim.CreatedAt = sessionTime
			_, err := a.ClaimUser(t.Context(), claim)
			done <- err
		}()
		for _, open := range openers {
			go func() {
				<-start
				err := open(b)
				switch fault.CodeOf(err) {
				case fault.Conflict, fault.Unauthenticated, fault.AlreadyExists, fault.ResourceExhausted: // refused, or there was one
					err = nil
				}
				done <- err
			}()
		}
		close(start)
		for range len(openers) + 1 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if left, err := a.IdentitiesOf(t.Context(), w.user.ID); err != nil || len(left) != 1 {
			t.Errorf("round %d: identities %+v, %v", round, left, err)
		}
		w.closed(t, a)
	}
}
