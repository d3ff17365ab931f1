package auth_test

import (
	"context"
	"io"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/nats-io/nats.go"
	"github.com/pquerna/otp/totp"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/pkg/testkit"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// mailbox is a real SMTP server that keeps the mails: to, text.
type mailbox struct {
	mails chan [2]string
	kept  [][2]string // not asked for yet
}

type mailSession struct {
	box *mailbox
	to  string
}

func (b *mailbox) NewSession(*smtp.Conn) (smtp.Session, error)   { return &mailSession{box: b}, nil }
func (s *mailSession) Mail(string, *smtp.MailOptions) error      { return nil }
func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error { s.to = to; return nil }
func (s *mailSession) Reset()                                    {}
func (s *mailSession) Logout() error                             { return nil }
func (s *mailSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	plain := strings.ReplaceAll(strings.ReplaceAll(string(text), "=\r\n", ""), "=3D", "=")
	s.box.mails <- [2]string{s.to, plain}
	return err
}

// startMail returns a mailbox and the settings that make auth send to it.
func startMail(t *testing.T) (*mailbox, map[string]string) {
	t.Helper()
	box := &mailbox{mails: make(chan [2]string, 100)}
	srv := smtp.NewServer(box)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = srv.Serve(l) }) // ends with Close
	t.Cleanup(func() { _ = srv.Close(); serving.Wait() })
	return box, map[string]string{"NATTER_SMTP_URL": "smtp+insecure://" + l.Addr().String(), "NATTER_MAIL_FROM": "Natter <chat@example.org>"}
}

// mail waits for a mail with this subject and returns its text, once. Mails overtake each other.
func (b *mailbox) mail(t *testing.T, to, subject string) string {
	t.Helper()
	deadline := time.After(15 * time.Second)
	for {
		if i := slices.IndexFunc(b.kept, func(m [2]string) bool { return m[0] == to && strings.Contains(m[1], "Subject: "+subject) }); i >= 0 {
			text := b.kept[i][1]
			b.kept = slices.Delete(b.kept, i, i+1)
			return text
		}
		select {
		case m := <-b.mails:
			b.kept = append(b.kept, m)
		case <-deadline:
			t.Fatalf("no mail %q to %s", subject, to)
		}
	}
}

var tokenInLink = regexp.MustCompile(`http://localhost:8080/[a-z-]+#token=([A-Z2-7]+)`)

// token is that of the link in the next mail with this subject.
func (b *mailbox) token(t *testing.T, to, subject string) string {
	t.Helper()
	text := b.mail(t, to, subject)
	found := tokenInLink.FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no link in %s", text)
	}
	return found[1]
}

// as is a context of the user who signed in.
func as(t *testing.T, c client, in *authv1.SignedIn) (context.Context, authn.Identity) {
	t.Helper()
	id, err := authn.NewVerifier(c.fetchKeys).Verify(t.Context(), in.GetAccessToken())
	if err != nil {
		t.Fatal(err)
	}
	return rpc.WithCaller(t.Context(), id.Caller), id
}

// want fails the test unless err has this code and field.
func want(t *testing.T, what string, err error, code fault.Code, field string) {
	t.Helper()
	if fault.CodeOf(err) != code || err != nil && fault.From(err).Field != field {
		t.Errorf("%s: %v; want %q %s", what, err, code, field)
	}
}

// try calls a method whose answer does not matter.
func try[Res proto.Message](ctx context.Context, c client, method string, req proto.Message) error {
	_, err := call[Res](ctx, c, method, req)
	return err
}

// accountsServer is an auth with a mailbox, and Ann, the owner, who has registered.
func accountsServer(t *testing.T, more map[string]string) (client, *mailbox, *authv1.SignedIn, *nats.Conn) {
	t.Helper()
	natsURL := testkit.NATS(t)
	box, withMail := startMail(t)
	maps.Copy(withMail, more)
	mustStart(t, settings(t, natsURL, withMail))
	c := dial(t, natsURL)
	nc, err := nats.Connect(natsURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	ann, err := c.register(t.Context(), "ann@example.org", "Ann", "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	return c, box, ann, nc
}

func TestVerifyEmail(t *testing.T) {
	t.Parallel()
	c, box, ann, _ := accountsServer(t, map[string]string{"NATTER_REQUIRE_VERIFIED_EMAIL": "true"})
	ctx := t.Context()
	if ann.GetAccessToken() != "" || ann.GetUser().GetUsername() != "Ann" {
		t.Errorf("signed in without a verified address: %v", ann)
	}
	token := box.token(t, "ann@example.org", "Verify your e-mail address")
	_, err := c.login(ctx, "ann@example.org", "correct horse")
	want(t, "before", err, fault.EmailNotVerified, "")
	verify := func(token string) error {
		return try[*authv1.VerifyEmailResponse](ctx, c, "VerifyEmail", &authv1.VerifyEmailRequest{Token: token})
	}
	want(t, "made up", verify("A"+token), fault.PermissionDenied, "token")
	want(t, "as a reset", try[*authv1.ResetPasswordResponse](ctx, c, "ResetPassword",
		&authv1.ResetPasswordRequest{Token: token, Password: "another horse"}), fault.PermissionDenied, "token")
	want(t, "verify", verify(token), "", "")
	want(t, "twice", verify(token), fault.PermissionDenied, "token")
	_, err = c.login(ctx, "ann@example.org", "correct horse")
	want(t, "after", err, "", "")
	// Whether there is such an account, or it wants one, nobody is told.
	for _, email := range []string{"ann@example.org", "nobody@example.org"} {
		want(t, "again for "+email, try[*authv1.SendVerificationResponse](ctx, c, "SendVerification",
			&authv1.SendVerificationRequest{Email: email}), "", "")
	}
}

func TestResetPassword(t *testing.T) {
	t.Parallel()
	c, box, ann, _ := accountsServer(t, nil)
	ctx := t.Context()
	// Whoever registered the address, which is not verified, has a second factor: it must not keep its owner out.
	annCtx, _ := as(t, c, ann)
	offer, err := call[*authv1.OfferSecondFactorResponse](annCtx, c, "OfferSecondFactor", &authv1.OfferSecondFactorRequest{Password: "correct horse"})
	if err != nil {
		t.Fatal(err)
	}
	code, err := totp.GenerateCode(offer.GetSecret(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	want(t, "second factor", try[*authv1.RecoveryCodes](annCtx, c, "ConfirmSecondFactor", &authv1.ConfirmSecondFactorRequest{Code: code}), "", "")
	for _, email := range []string{"nobody@example.org", " ANN@example.org"} {
		want(t, email, try[*authv1.RequestPasswordResetResponse](ctx, c, "RequestPasswordReset",
			&authv1.RequestPasswordResetRequest{Email: email}), "", "")
	}
	token := box.token(t, "ann@example.org", "Set a new password")
	reset := func(token, password string) error {
		return try[*authv1.ResetPasswordResponse](ctx, c, "ResetPassword", &authv1.ResetPasswordRequest{Token: token, Password: password})
	}
	want(t, "made up", reset("", "another horse"), fault.PermissionDenied, "token")
	want(t, "common", reset(token, "password1"), fault.InvalidArgument, "password")
	want(t, "reset", reset(token, "another horse"), "", "")
	want(t, "twice", reset(token, "a third horse"), fault.PermissionDenied, "token")
	_, err = c.login(ctx, "ann@example.org", "correct horse")
	want(t, "the old password", err, fault.Unauthenticated, "")
	want(t, "the old session", try[*authv1.SignedIn](ctx, c, "Refresh", &authv1.RefreshRequest{RefreshToken: ann.GetRefreshToken()}), fault.Unauthenticated, "")
	_, err = c.login(ctx, "ann@example.org", "another horse")
	want(t, "the new password", err, "", "")
	box.mail(t, "ann@example.org", "Your password was changed")
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	c, _, ann, _ := accountsServer(t, nil)
	other, err := c.login(t.Context(), "ann@example.org", "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	ctx, _ := as(t, c, ann)
	change := func(ctx context.Context, old, password string) error {
		return try[*authv1.ChangePasswordResponse](ctx, c, "ChangePassword", &authv1.ChangePasswordRequest{Password: old, NewPassword: password})
	}
	want(t, "nobody", change(t.Context(), "correct horse", "another horse"), fault.Unauthenticated, "")
	want(t, "wrong", change(ctx, "wrong horse", "another horse"), fault.PermissionDenied, "password")
	want(t, "too short", change(ctx, "correct horse", "short"), fault.InvalidArgument, "newPassword")
	want(t, "one's name", change(ctx, "correct horse", "ann@example.org"), fault.InvalidArgument, "newPassword")
	want(t, "right", change(ctx, "correct horse", "another horse"), "", "")
	refresh := func(in *authv1.SignedIn) error {
		return try[*authv1.SignedIn](t.Context(), c, "Refresh", &authv1.RefreshRequest{RefreshToken: in.GetRefreshToken()})
	}
	want(t, "the other session", refresh(other), fault.Unauthenticated, "")
	want(t, "this session", refresh(ann), "", "")
}

func TestChangeEmail(t *testing.T) {
	t.Parallel()
	c, box, ann, _ := accountsServer(t, nil)
	if _, err := c.register(t.Context(), "bob@example.org", "Bob", "correct horse"); err != nil {
		t.Fatal(err)
	}
	ctx, _ := as(t, c, ann)
	change := func(email, password string) error {
		return try[*authv1.ChangeEmailResponse](ctx, c, "ChangeEmail", &authv1.ChangeEmailRequest{Email: email, Password: password})
	}
	want(t, "wrong password", change("new@example.org", "wrong horse"), fault.PermissionDenied, "password")
	want(t, "change", change("new@example.org", "correct horse"), "", "")
	token := box.token(t, "new@example.org", "Confirm your new e-mail address")
	box.mail(t, "ann@example.org", "Your e-mail address is about to change")
	want(t, "too soon", change("newer@example.org", "correct horse"), fault.ResourceExhausted, "")
	me, err := call[*chatv1.User](ctx, c, "GetMe", &authv1.GetMeRequest{})
	if err != nil || me.GetEmail() != "ann@example.org" {
		t.Errorf("before it is confirmed: %v, %v", me, err)
	}
	res, err := call[*authv1.VerifyEmailResponse](t.Context(), c, "VerifyEmail", &authv1.VerifyEmailRequest{Token: token})
	if err != nil || res.GetEmail() != "new@example.org" {
		t.Errorf("confirm: %v, %v", res, err)
	}
	if text := box.mail(t, "ann@example.org", "Your e-mail address was changed"); !strings.Contains(text, "new@example.org") {
		t.Errorf("the old address is told %s", text)
	}
	_, err = c.login(t.Context(), "ann@example.org", "correct horse")
	want(t, "the old address", err, fault.Unauthenticated, "")
	_, err = c.login(t.Context(), "new@example.org", "correct horse")
	want(t, "the new address", err, "", "")
}

func TestSecondFactor(t *testing.T) {
	t.Parallel()
	c, _, ann, _ := accountsServer(t, nil)
	ctx, _ := as(t, c, ann)
	login := func(code string) error {
		return try[*authv1.SignedIn](t.Context(), c, "Login", &authv1.LoginRequest{Email: "ann@example.org", Password: "correct horse", Code: code})
	}
	offer, err := call[*authv1.OfferSecondFactorResponse](ctx, c, "OfferSecondFactor", &authv1.OfferSecondFactorRequest{Password: "correct horse"})
	if err != nil || !strings.HasPrefix(offer.GetUrl(), "otpauth://totp/") {
		t.Fatalf("%v, %v", offer, err)
	}
	want(t, "not yet confirmed", login(""), "", "")
	hasFactor := func() bool {
		t.Helper()
		security, err := call[*authv1.Security](ctx, c, "GetSecurity", &authv1.GetSecurityRequest{})
		if err != nil || !security.GetHasPassword() || security.GetEmailVerified() {
			t.Fatalf("security: %v, %v", security, err)
		}
		return security.GetHasSecondFactor()
	}
	if hasFactor() {
		t.Error("a second factor that is only offered counts")
	}
	now := time.Now()
	codeAt := func(d time.Duration) string {
		code, err := totp.GenerateCode(offer.GetSecret(), now.Add(d))
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	confirm := func(code string) (*authv1.RecoveryCodes, error) {
		return call[*authv1.RecoveryCodes](ctx, c, "ConfirmSecondFactor", &authv1.ConfirmSecondFactorRequest{Code: code})
	}
	_, err = confirm("000")
	want(t, "confirm with a wrong code", err, fault.InvalidArgument, "code")
	codes, err := confirm(codeAt(0))
	if err != nil || len(codes.GetRecoveryCodes()) != 10 {
		t.Fatalf("%v, %v", codes, err)
	}
	if !hasFactor() {
		t.Error("there is no second factor")
	}
	want(t, "no code", login(""), fault.SecondFactorRequired, "code")
	want(t, "the code that confirmed it", login(codeAt(0)), fault.Unauthenticated, "code")
	want(t, "a code", login(codeAt(30*time.Second)), "", "")
	want(t, "the same code", login(codeAt(30*time.Second)), fault.Unauthenticated, "code")
	recovery := codes.GetRecoveryCodes()[0]
	want(t, "a recovery code", login(strings.ToUpper(recovery)), "", "")
	want(t, "the same one", login(recovery), fault.Unauthenticated, "code")
	wrong := try[*authv1.SignedIn](t.Context(), c, "Login", &authv1.LoginRequest{Email: "ann@example.org", Password: "wrong horse", Code: codes.GetRecoveryCodes()[1]})
	want(t, "a wrong password, a right code", wrong, fault.Unauthenticated, "")
	drop := func(code string) error {
		return try[*authv1.DropSecondFactorResponse](ctx, c, "DropSecondFactor", &authv1.DropSecondFactorRequest{Password: "correct horse", Code: code})
	}
	want(t, "off without a code", drop(""), fault.SecondFactorRequired, "code")
	want(t, "off", drop(codes.GetRecoveryCodes()[1]), "", "")
	want(t, "afterwards", login(""), "", "")
}

func TestAdministration(t *testing.T) {
	t.Parallel()
	c, _, ann, _ := accountsServer(t, nil)
	bob, errBob := c.register(t.Context(), "bob@example.org", "Bob", "correct horse")
	cat, errCat := c.register(t.Context(), "cat@example.org", "Cat", "correct horse")
	if errBob != nil || errCat != nil {
		t.Fatal(errBob, errCat)
	}
	annCtx, annID := as(t, c, ann)
	bobCtx, bobID := as(t, c, bob)
	catCtx, _ := as(t, c, cat)
	if annID.Roles[0] != "owner" || bobID.Roles[0] != "member" {
		t.Errorf("roles %v and %v", annID.Roles, bobID.Roles)
	}
	list := func(ctx context.Context) error {
		return try[*authv1.ListUsersResponse](ctx, c, "ListUsers", &authv1.ListUsersRequest{})
	}
	role := func(ctx context.Context, who *authv1.SignedIn, role string) error {
		return try[*authv1.AdminUser](ctx, c, "SetUserRole", &authv1.SetUserRoleRequest{UserId: who.GetUser().GetId(), Role: role})
	}
	deactivate := func(ctx context.Context, who *authv1.SignedIn) error {
		return try[*authv1.AdminUser](ctx, c, "DeactivateUser", &authv1.DeactivateUserRequest{UserId: who.GetUser().GetId()})
	}
	want(t, "a member lists", list(bobCtx), fault.PermissionDenied, "")
	want(t, "a member makes an admin", role(bobCtx, bob, "admin"), fault.PermissionDenied, "")
	want(t, "no such role", role(annCtx, bob, "god"), fault.InvalidArgument, "role")
	want(t, "the owner makes an admin", role(annCtx, bob, "admin"), "", "")
	want(t, "an admin lists, with the old token", list(bobCtx), "", "")
	want(t, "an admin makes an admin", role(bobCtx, cat, "admin"), fault.PermissionDenied, "")
	want(t, "an admin closes the owner", deactivate(bobCtx, ann), fault.PermissionDenied, "")
	want(t, "an admin closes a member", deactivate(bobCtx, cat), "", "")
	_, err := c.login(t.Context(), "cat@example.org", "correct horse")
	want(t, "a closed account signs in", err, fault.PermissionDenied, "")
	want(t, "a closed account refreshes", try[*authv1.SignedIn](t.Context(), c, "Refresh",
		&authv1.RefreshRequest{RefreshToken: cat.GetRefreshToken()}), fault.Unauthenticated, "")
	want(t, "a closed account asks", try[*chatv1.User](catCtx, c, "GetMe", &authv1.GetMeRequest{}), fault.Unauthenticated, "")
	want(t, "an admin opens it", try[*authv1.AdminUser](bobCtx, c, "ReactivateUser", &authv1.ReactivateUserRequest{UserId: cat.GetUser().GetId()}), "", "")
	_, err = c.login(t.Context(), "cat@example.org", "correct horse")
	want(t, "an open account signs in", err, "", "")
	want(t, "the owner deletes herself", try[*authv1.DeleteMeResponse](annCtx, c, "DeleteMe", &authv1.DeleteMeRequest{Password: "correct horse"}), fault.PermissionDenied, "")
	want(t, "the owner hands over", role(annCtx, bob, "owner"), "", "")
	want(t, "twice", role(annCtx, cat, "owner"), fault.PermissionDenied, "")
	want(t, "the new owner closes the old one", deactivate(bobCtx, ann), "", "")
	users, err := call[*authv1.GetUsersResponse](bobCtx, c, "GetUsers", &authv1.GetUsersRequest{UserIds: []string{ann.GetUser().GetId(), bob.GetUser().GetId()}})
	if err != nil || len(users.GetUsers()) != 2 || !slices.Equal(users.GetClosedIds(), []string{ann.GetUser().GetId()}) {
		t.Errorf("%v, %v", users, err)
	}
	page, err := call[*authv1.ListUsersResponse](bobCtx, c, "ListUsers", &authv1.ListUsersRequest{Limit: 1})
	if err != nil || len(page.GetUsers()) != 1 || !page.GetMore() || page.GetUsers()[0].GetState() != "deactivated" || page.GetUsers()[0].GetRole() != "admin" {
		t.Errorf("%v, %v", page, err)
	}
}

func TestDeleteMe(t *testing.T) {
	t.Parallel()
	c, _, _, nc := accountsServer(t, nil)
	bob, err := c.register(t.Context(), "bob@example.org", "Bob", "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	changes, err := nc.SubscribeSync(subject.UsersChanged)
	if err != nil || nc.Flush() != nil {
		t.Fatal(err)
	}
	ctx, _ := as(t, c, bob)
	remove := func(password string) error {
		return try[*authv1.DeleteMeResponse](ctx, c, "DeleteMe", &authv1.DeleteMeRequest{Password: password})
	}
	want(t, "wrong password", remove("wrong horse"), fault.PermissionDenied, "password")
	want(t, "delete", remove("correct horse"), "", "")
	want(t, "again", remove("correct horse"), fault.Unauthenticated, "")
	if name := nextName(t, changes); name != "deleted user" {
		t.Errorf("published as %q", name)
	}
	users, err := call[*authv1.GetUsersResponse](t.Context(), c, "GetUsers", &authv1.GetUsersRequest{UserIds: []string{bob.GetUser().GetId()}})
	if err != nil || len(users.GetUsers()) != 1 || users.GetUsers()[0].GetUsername() != "deleted user" || len(users.GetClosedIds()) != 1 {
		t.Errorf("%v, %v", users, err)
	}
	_, err = c.register(t.Context(), "bob@example.org", "Bob", "correct horse")
	want(t, "the names are free", err, "", "")
}

func nextName(t *testing.T, changes *nats.Subscription) string {
	t.Helper()
	msg, err := changes.NextMsg(10 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	var changed busv1.ProfileChanged
	if err := proto.Unmarshal(msg.Data, &changed); err != nil {
		t.Fatal(err)
	}
	return changed.GetUser().GetUsername()
}

func TestUpdateMe(t *testing.T) {
	t.Parallel()
	c, _, ann, nc := accountsServer(t, nil)
	if _, err := c.register(t.Context(), "bob@example.org", "Bob", "correct horse"); err != nil {
		t.Fatal(err)
	}
	changes, err := nc.SubscribeSync(subject.UsersChanged)
	if err != nil || nc.Flush() != nil {
		t.Fatal(err)
	}
	ctx, _ := as(t, c, ann)
	update := func(req *authv1.UpdateMeRequest) (*chatv1.User, error) {
		return call[*chatv1.User](ctx, c, "UpdateMe", req)
	}
	_, err = update(&authv1.UpdateMeRequest{Username: new("bOB")})
	want(t, "taken", err, fault.AlreadyExists, "username")
	_, err = update(&authv1.UpdateMeRequest{Username: new("a b")})
	want(t, "malformed", err, fault.InvalidArgument, "username")
	_, err = update(&authv1.UpdateMeRequest{Username: new("Here")})
	want(t, "a mention", err, fault.InvalidArgument, "username")
	_, err = update(&authv1.UpdateMeRequest{Avatar: new("javascript:x")})
	want(t, "no picture", err, fault.InvalidArgument, "avatar")
	me, err := update(&authv1.UpdateMeRequest{Username: new("ANN")}) // one's own in other letters
	if err != nil || me.GetUsername() != "ANN" {
		t.Errorf("%v, %v", me, err)
	}
	me, err = update(&authv1.UpdateMeRequest{Avatar: new("/a.png")})
	if err != nil || me.GetUsername() != "ANN" || me.GetAvatar() != "/a.png" {
		t.Errorf("%v, %v", me, err)
	}
	if name := nextName(t, changes); name != "ANN" {
		t.Errorf("published %q", name)
	}
}

func TestInviteOnly(t *testing.T) {
	t.Parallel()
	c, _, ann, _ := accountsServer(t, map[string]string{"NATTER_SIGN_UP": "invite"}) // Ann is the first: nobody could invite her
	ctx, _ := as(t, c, ann)
	register := func(name, invitation string) error {
		return try[*authv1.SignedIn](t.Context(), c, "Register",
			&authv1.RegisterRequest{Email: name + "@example.org", Username: name, Password: "correct horse", Invitation: invitation})
	}
	want(t, "without", register("bob", ""), fault.PermissionDenied, "invitation")
	made, err := call[*authv1.Invitation](ctx, c, "CreateInvitation", &authv1.CreateInvitationRequest{Note: "friends", MaxUses: 2})
	if err != nil || made.GetCode() == "" {
		t.Fatalf("%v, %v", made, err)
	}
	want(t, "with", register("bob", strings.ToLower(made.GetCode())), "", "")
	list, err := call[*authv1.ListInvitationsResponse](ctx, c, "ListInvitations", &authv1.ListInvitationsRequest{})
	if err != nil || len(list.GetInvitations()) != 1 || list.GetInvitations()[0].GetUses() != 1 || list.GetInvitations()[0].GetCode() != "" {
		t.Errorf("%v, %v", list, err)
	}
	want(t, "revoke", try[*authv1.RevokeInvitationResponse](ctx, c, "RevokeInvitation", &authv1.RevokeInvitationRequest{InvitationId: made.GetId()}), "", "")
	want(t, "revoked", register("cat", made.GetCode()), fault.PermissionDenied, "invitation")
}

func TestDomains(t *testing.T) {
	t.Parallel()
	c, box, ann, _ := accountsServer(t, map[string]string{"NATTER_SIGN_UP": "domains", "NATTER_SIGN_UP_DOMAINS": "Example.org,example.com"})
	if ann.GetAccessToken() != "" {
		t.Error("signed in with an address that is not verified")
	}
	token := box.token(t, "ann@example.org", "Verify your e-mail address")
	for _, email := range []string{"eve@example.net", "eve@sub.example.org", "eve@notexample.org"} {
		_, err := c.register(t.Context(), email, "eve", "correct horse")
		want(t, email, err, fault.PermissionDenied, "email")
	}
	// Nobody gets out of the domains by changing the address, either.
	want(t, "verify", try[*authv1.VerifyEmailResponse](t.Context(), c, "VerifyEmail", &authv1.VerifyEmailRequest{Token: token}), "", "")
	ann, err := c.login(t.Context(), "ann@example.org", "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	ctx, _ := as(t, c, ann)
	for email, code := range map[string]fault.Code{"ann@example.net": fault.PermissionDenied, "ann@example.com": ""} {
		err := try[*authv1.ChangeEmailResponse](ctx, c, "ChangeEmail", &authv1.ChangeEmailRequest{Email: email, Password: "correct horse"})
		if fault.CodeOf(err) != code {
			t.Errorf("change to %s: %v, want %q", email, err, code)
		}
	}
}

func TestAccountSettings(t *testing.T) {
	t.Parallel()
	natsURL := testkit.NATS(t)
	for name, more := range map[string]map[string]string{
		"NATTER_SIGN_UP": {"NATTER_SIGN_UP": "closed"}, "NATTER_SIGN_UP_DOMAINS": {"NATTER_SIGN_UP": "domains"},
		"NATTER_SMTP_URL": {"NATTER_SMTP_URL": "mail.example.org"}, "NATTER_MAIL_FROM": {"NATTER_SMTP_URL": "smtp://mail.example.org"},
	} {
		if _, err := start(t, settings(t, natsURL, more)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
