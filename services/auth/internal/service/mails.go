package service

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/mail"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// How long the links in mails work, and how soon another one may be mailed.
const (
	verifyLife = 48 * time.Hour
	resetLife  = time.Hour
	mailPause  = time.Minute
)

// mails are the texts, with two places: for the username, and the link.
var mails = map[store.MailPurpose]struct {
	subject, text, path string
	life                time.Duration
}{
	store.VerifyEmail: {
		"Verify your e-mail address", "Hello %s,\n\nfollow this link to verify your e-mail address:\n\n%s\n\n" +
			"It works once, in the next 48 hours. If you did not register, do nothing.\n", "/verify-email", verifyLife,
	},
	store.ChangeEmail: {
		"Confirm your new e-mail address", "Hello %s,\n\nfollow this link to use this e-mail address from now on:\n\n%s\n\n" +
			"It works once, in the next 48 hours. If you did not ask for it, do nothing.\n", "/verify-email", verifyLife,
	},
	store.ResetPassword: {
		"Set a new password", "Hello %s,\n\nfollow this link to set a new password:\n\n%s\n\n" +
			"It works once, in the next hour. If you did not ask for it, do nothing: your password stays as it is.\n", "/reset-password", resetLife,
	},
}

// mailLink mails a link that proves that somebody reads mail at an address; by is the session that asks for it, if it takes
// one. Errors: ResourceExhausted when the last one of the same purpose is too fresh; store.ErrSessionEnded.
func (s *Service) mailLink(ctx context.Context, u user.User, by ids.Session, purpose store.MailPurpose, to user.Name) error {
	m, at, token := mails[purpose], now(), rand.Text()
	err := s.store.PutMailToken(ctx, store.MailToken{
		User: u.ID, Purpose: purpose, Hash: hashToken(token), Email: to, CreatedAt: at, ExpiresAt: at.Add(m.life),
	}, by, mailPause)
	if err != nil {
		return err
	}
	// In the fragment, the token reaches no server and no log on the way.
	link := strings.TrimSuffix(cmp.Or(s.publicURL, "http://localhost:8080"), "/") + m.path + "#token=" + url.QueryEscape(token)
	s.mail.Send(mail.Message{To: to.Text, Subject: m.subject, Text: fmt.Sprintf(m.text, u.Username.Text, link), Link: link})
	return nil
}

// tell mails the owner of an account what has happened to it.
func (s *Service) tell(u user.User, to user.Name, subject, what string) {
	if to.Text == "" {
		return
	}
	s.mail.Send(mail.Message{To: to.Text, Subject: subject, Text: fmt.Sprintf(
		"Hello %s,\n\n%s\n\nIf this was not you, set a new password now, and ask an administrator for help.\n", u.Username.Text, what)})
}
