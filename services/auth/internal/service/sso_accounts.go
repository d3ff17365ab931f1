package service

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/username"
	"github.com/natter-chat/natter/services/auth/internal/audit"
	"github.com/natter-chat/natter/services/auth/internal/sso"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// accountOf is the account of somebody whom a provider vouches for:
//
//	the identity is linked            that account
//	its e-mail address is not verified nobody's: sign in otherwise, and link it from inside a session
//	nobody has the address            a new account, with the address verified, if the settings let them sign up
//	an account has verified it        that account, and the identity is linked
//	an account has not verified it    that account, after every other way into it is gone: whoever registered the
//	                                  address may not be who has it
func (s *SingleSignOn) accountOf(ctx context.Context, p *sso.Provider, c sso.Claims, invitation string) (user.User, store.Identity, error) {
	// Twice: of two tabs that do the same for the first time, one finds what the other has done.
	for range 2 {
		u, identity, err := s.findAccount(ctx, p, c, invitation)
		if code := fault.CodeOf(err); code != fault.AlreadyExists && code != fault.Conflict {
			return u, identity, err
		}
	}
	return s.findAccount(ctx, p, c, invitation)
}

func (s *SingleSignOn) findAccount(ctx context.Context, p *sso.Provider, c sso.Claims, invitation string) (user.User, store.Identity, error) {
	identity, err := s.store.IdentityBySubject(ctx, c.Issuer, c.Subject)
	if err == nil {
		u, err := s.activeUser(ctx, identity.User)
		return u, identity, err
	}
	if fault.CodeOf(err) != fault.NotFound {
		return user.User{}, identity, err
	}
	email, err := user.ParseEmail(c.Email)
	if err != nil || !c.EmailVerified {
		err := fault.New(fault.PermissionDenied, "%s does not vouch for your e-mail address; verify it there, or sign in here and link the account",
			p.DisplayName())
		s.audit(ctx, audit.Event{Kind: audit.LoginFailed, Detail: p.Name + ": e-mail address not verified"})
		return user.User{}, identity, err
	}
	u, err := s.store.UserByEmail(ctx, email.Key)
	switch {
	case fault.CodeOf(err) == fault.NotFound:
		if u, err = s.newAccount(ctx, email, c, invitation); err != nil {
			return u, identity, err
		}
	case err != nil:
		return u, identity, err
	case u.State != user.Active:
		return u, identity, errClosed
	case !u.EmailVerified:
		return s.claim(ctx, u, p, c)
	}
	identity = newIdentity(u.ID, c)
	if err := s.store.AddIdentity(ctx, identity, ids.Session{}); err != nil {
		return u, identity, err
	}
	s.audit(ctx, audit.Event{Kind: audit.IdentityLinked, User: u.ID, Actor: u.ID, Detail: p.Name + ": the same verified e-mail address"})
	return u, identity, nil
}

// activeUser is the user with an id, if they may sign in.
func (s *SingleSignOn) activeUser(ctx context.Context, id ids.User) (user.User, error) {
	u, err := s.store.UserByID(ctx, id)
	if err == nil && u.State != user.Active {
		err = errClosed
	}
	return u, err
}

// claim gives an account whose address was never verified to whoever has the address.
func (s *SingleSignOn) claim(ctx context.Context, u user.User, p *sso.Provider, c sso.Claims) (user.User, store.Identity, error) {
	identity := newIdentity(u.ID, c)
	ended, err := s.store.ClaimUser(ctx, identity)
	if err != nil {
		return u, identity, err
	}
	s.tellEnded(u.ID, ended)
	s.audit(ctx, audit.Event{
		Kind: audit.AccountClaimed, User: u.ID, Actor: u.ID, Detail: p.Name + ": the address was not verified; other ways in are removed",
	})
	u, err = s.store.UserByID(ctx, u.ID)
	return u, identity, err
}

// link adds an identity to the account of whoever began the attempt. The session must still be there: its end is how a
// user throws out somebody who had got in.
func (s *SingleSignOn) link(ctx context.Context, a sso.Attempt, c sso.Claims) error {
	err := s.store.AddIdentity(ctx, newIdentity(a.Link, c), a.Session)
	if errors.Is(err, store.ErrSessionEnded) {
		return errSession
	}
	if errors.Is(err, store.ErrIdentityTaken) {
		identity, findErr := s.store.IdentityBySubject(ctx, c.Issuer, c.Subject)
		if findErr == nil && identity.User == a.Link {
			return nil // linked already, to the same account
		}
	}
	if err == nil {
		s.audit(ctx, audit.Event{Kind: audit.IdentityLinked, User: a.Link, Actor: a.Link, Detail: a.Provider})
	}
	return err
}

func newIdentity(u ids.User, c sso.Claims) store.Identity {
	return store.Identity{
		ID: ids.New[ids.Identity](), User: u, Issuer: c.Issuer, Subject: c.Subject, Email: c.Email,
		CreatedAt: now(),
	}
}

// newAccount makes an account without a password, with a username as close as can be to what they are called there. A crash
// before the identity is linked is no harm: next time the account is found by its verified address.
func (s *SingleSignOn) newAccount(ctx context.Context, email user.Name, c sso.Claims, invitation string) (user.User, error) {
	u := user.User{ID: ids.New[ids.User](), Email: email, EmailVerified: true, CreatedAt: now()}
	local, _, _ := strings.Cut(email.Text, "@")
	var err error
	for _, name := range usernames(c.Username, c.Name, local) {
		u.Username = name
		if u, err = s.Service.signUp(ctx, u, invitation); !errors.Is(err, store.ErrUsernameTaken) {
			break
		}
	}
	return u, err
}

// usernames are names to try, in order: each wish, then the first with a number, at last with one that nobody has.
func usernames(wishes ...string) []user.Name {
	var all []user.Name
	add := func(text string) {
		if name, err := user.ParseUsername(text); err == nil {
			all = append(all, name)
		}
	}
	first := "user"
	for _, wish := range slices.Backward(wishes) {
		if plain := plainUsername(wish); plain != "" {
			first = plain
		}
	}
	for _, wish := range wishes {
		add(plainUsername(wish))
	}
	for _, suffix := range []string{"2", "3", "4"} {
		add(first + suffix)
	}
	add(first + "-" + strings.ToLower(rand.Text()[:6]))
	add("user-" + strings.ToLower(rand.Text()[:12]))
	return all
}

// maxWish leaves room for a suffix within the longest username.
const maxWish = 24

// plainUsername leaves of a name what a username may have: "Ann O'Neil" → "Ann.ONeil".
func plainUsername(wish string) string {
	wish, _, _ = strings.Cut(wish, "@") // preferred_username is an e-mail address at some providers
	wish = strings.Join(strings.Fields(wish), ".")
	runes := []rune(strings.Map(func(r rune) rune {
		if username.Allowed(r) {
			return r
		}
		return -1
	}, wish))
	return string(runes[:min(len(runes), maxWish)])
}
