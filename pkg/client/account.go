package client

import (
	"context"
	"net/http"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// Register creates an account and signs this client in. A server that wants addresses to be verified first answers without
// tokens: then sign in when that is done.
func (c *Client) Register(ctx context.Context, email, username, password string) (*authv1.SignedIn, error) {
	return c.SignIn(ctx, &authv1.RegisterRequest{Email: email, Username: username, Password: password})
}

// Login signs this client in. An account with a second factor is refused with second_factor_required: SignIn takes its code.
func (c *Client) Login(ctx context.Context, email, password string) (*authv1.SignedIn, error) {
	return c.SignIn(ctx, &authv1.LoginRequest{Email: email, Password: password})
}

// SignIn signs this client in with one of *authv1.RegisterRequest, *authv1.LoginRequest, *authv1.GoogleLoginRequest and
// *authv1.ExchangeCodeRequest (the end of single sign-on).
func (c *Client) SignIn(ctx context.Context, with proto.Message) (*authv1.SignedIn, error) {
	in, err := sendCall(ctx, c, with, &authv1.SignedIn{}, true)
	if err != nil {
		return nil, err
	}
	c.tokens.begin(in)
	return in, nil
}

// renew goes on with a session. It is no new one: no other header is needed to have the next token in the body.
func (c *Client) renew(ctx context.Context, refreshToken string) (*authv1.SignedIn, error) {
	in := &authv1.SignedIn{}
	return in, c.session(ctx, "/auth/refresh", &authv1.RefreshRequest{RefreshToken: refreshToken}, in, true)
}

// Logout ends the session that SignIn began, or with everywhere all sessions of the user.
func (c *Client) Logout(ctx context.Context, everywhere bool) error {
	req := &authv1.LogoutRequest{RefreshToken: c.tokens.refreshToken(), Everywhere: everywhere}
	if err := c.session(ctx, "/auth/logout", req, &authv1.LogoutResponse{}, false); err != nil {
		return err
	}
	c.tokens.begin(nil)
	return nil
}

// session calls what is no rpc for the outside, since it handles cookies too.
func (c *Client) session(ctx context.Context, path string, req, res proto.Message, public bool) error {
	body, err := protojson.Marshal(req)
	if err != nil {
		return err
	}
	answer, err := c.do(ctx, httpCall{method: http.MethodPost, path: path, body: body, public: public})
	if err != nil {
		return err
	}
	return protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(answer, res)
}

// Sessions returns where the user is signed in, the session that was used last first.
func (c *Client) Sessions(ctx context.Context) ([]*authv1.Session, error) {
	res, err := call(ctx, c, &authv1.ListSessionsRequest{}, &authv1.ListSessionsResponse{})
	return res.GetSessions(), err
}

// RevokeSession ends one session: its connections are closed within a second.
func (c *Client) RevokeSession(ctx context.Context, sessionID string) error {
	return done(ctx, c, &authv1.RevokeSessionRequest{SessionId: sessionID}, &authv1.RevokeSessionResponse{})
}

// RevokeOtherSessions ends all sessions but this one.
func (c *Client) RevokeOtherSessions(ctx context.Context) error {
	return done(ctx, c, &authv1.RevokeOtherSessionsRequest{}, &authv1.RevokeOtherSessionsResponse{})
}

// Me is the signed-in user.
func (c *Client) Me(ctx context.Context) (*chatv1.User, error) {
	return call(ctx, c, &authv1.GetMeRequest{}, &chatv1.User{})
}

// Security is how the user's account is secured.
func (c *Client) Security(ctx context.Context) (*authv1.Security, error) {
	return call(ctx, c, &authv1.GetSecurityRequest{}, &authv1.Security{})
}

// People lists the people and bots of the server by name; query is what their names begin with, empty: all. After is the Next of the
// page before. A limit of 0 means 50; 100 is the most.
func (c *Client) People(ctx context.Context, query, after string, limit int) (*authv1.ListPeopleResponse, error) {
	return call(ctx, c, &authv1.ListPeopleRequest{Query: query, After: after, Limit: uint32(limit)}, &authv1.ListPeopleResponse{})
}

// UpdateMe changes the user's name or avatar; what is nil stays as it is.
func (c *Client) UpdateMe(ctx context.Context, username, avatar *string) (*chatv1.User, error) {
	return call(ctx, c, &authv1.UpdateMeRequest{Username: username, Avatar: avatar}, &chatv1.User{})
}

// SetStatus says what the user is doing, for those who watch them.
func (c *Client) SetStatus(ctx context.Context, status *authv1.SetStatusRequest) (*chatv1.Status, error) {
	return call(ctx, c, status, &chatv1.Status{})
}

// Status is what the user said they are doing.
func (c *Client) Status(ctx context.Context) (*chatv1.Status, error) {
	return call(ctx, c, &authv1.GetStatusRequest{}, &chatv1.Status{})
}

// SendVerification mails a link that verifies an address, if it is an account's and not verified.
func (c *Client) SendVerification(ctx context.Context, email string) error {
	return done(ctx, c, &authv1.SendVerificationRequest{Email: email}, &authv1.SendVerificationResponse{})
}

// VerifyEmail verifies the address that a mailed token belongs to, and returns it.
func (c *Client) VerifyEmail(ctx context.Context, token string) (string, error) {
	res, err := call(ctx, c, &authv1.VerifyEmailRequest{Token: token}, &authv1.VerifyEmailResponse{})
	return res.GetEmail(), err
}

// RequestPasswordReset mails a link that sets a new password, if the address is an account's.
func (c *Client) RequestPasswordReset(ctx context.Context, email string) error {
	return done(ctx, c, &authv1.RequestPasswordResetRequest{Email: email}, &authv1.RequestPasswordResetResponse{})
}

// ResetPassword sets a new password by a mailed token.
func (c *Client) ResetPassword(ctx context.Context, token, password string) error {
	return done(ctx, c, &authv1.ResetPasswordRequest{Token: token, Password: password}, &authv1.ResetPasswordResponse{})
}

// ChangePassword replaces the password. It needs the old one, and with a second factor its code.
func (c *Client) ChangePassword(ctx context.Context, change *authv1.ChangePasswordRequest) error {
	return done(ctx, c, change, &authv1.ChangePasswordResponse{})
}

// ChangeEmail mails a link to a new address, which is the account's once it is followed.
func (c *Client) ChangeEmail(ctx context.Context, change *authv1.ChangeEmailRequest) error {
	return done(ctx, c, change, &authv1.ChangeEmailResponse{})
}

// DeactivateMe closes the account: its sessions and tokens end, and nobody signs in to it until an administrator reopens it.
func (c *Client) DeactivateMe(ctx context.Context, confirm *authv1.DeactivateMeRequest) error {
	return done(ctx, c, confirm, &authv1.DeactivateMeResponse{})
}

// DeleteMe deletes the account for good. Its messages stay.
func (c *Client) DeleteMe(ctx context.Context, confirm *authv1.DeleteMeRequest) error {
	return done(ctx, c, confirm, &authv1.DeleteMeResponse{})
}

// OfferSecondFactor returns a secret for an authenticator app. It counts once ConfirmSecondFactor has had a code of it.
func (c *Client) OfferSecondFactor(ctx context.Context, password string) (*authv1.OfferSecondFactorResponse, error) {
	return call(ctx, c, &authv1.OfferSecondFactorRequest{Password: password}, &authv1.OfferSecondFactorResponse{})
}

// ConfirmSecondFactor makes the offered second factor count, and returns the recovery codes.
func (c *Client) ConfirmSecondFactor(ctx context.Context, code string) ([]string, error) {
	res, err := call(ctx, c, &authv1.ConfirmSecondFactorRequest{Code: code}, &authv1.RecoveryCodes{})
	return res.GetRecoveryCodes(), err
}

// RenewRecoveryCodes replaces the recovery codes.
func (c *Client) RenewRecoveryCodes(ctx context.Context, confirm *authv1.RenewRecoveryCodesRequest) ([]string, error) {
	res, err := call(ctx, c, confirm, &authv1.RecoveryCodes{})
	return res.GetRecoveryCodes(), err
}

// DropSecondFactor goes back to the password alone.
func (c *Client) DropSecondFactor(ctx context.Context, confirm *authv1.DropSecondFactorRequest) error {
	return done(ctx, c, confirm, &authv1.DropSecondFactorResponse{})
}
