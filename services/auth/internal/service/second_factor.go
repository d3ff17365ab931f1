package service

import (
	"context"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	"github.com/natter-chat/natter/services/auth/internal/audit"
	"github.com/natter-chat/natter/services/auth/internal/totp"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// secondFactorPurpose names the box that the secrets are encrypted in.
const secondFactorPurpose = "natter auth second factors"

// issuer is what an authenticator app shows.
const issuer = "Natter"

// errWrongCode is the answer to a code that is wrong, too old, or used.
var errWrongCode = &fault.Fault{Code: fault.Unauthenticated, Field: "code", Message: "this code is wrong, or was used before"}

// checkSecondFactor asks a user who has given the right password for a code, if they have a second factor. Errors:
// SecondFactorRequired without a code, Unauthenticated with a wrong one.
func (s *Service) checkSecondFactor(ctx context.Context, u user.User, code string) (err error) {
	factor, err := s.store.SecondFactor(ctx, u.ID)
	switch {
	case fault.CodeOf(err) == fault.NotFound || err == nil && !factor.IsConfirmed:
		return nil
	case err != nil:
		return err
	case totp.Normal(code) == "":
		return &fault.Fault{Code: fault.SecondFactorRequired, Field: "code", Message: "a code of your authenticator app is needed, or a recovery code"}
	}
	settle, err := s.attempt(ctx, secondFactor, u.ID.String())
	if err != nil {
		return err
	}
	defer func() { settle(err) }()
	err = s.useCode(ctx, u, factor.Sealed, totp.Normal(code))
	if fault.CodeOf(err) == fault.Unauthenticated {
		s.audit(ctx, audit.Event{Kind: audit.LoginFailed, User: u.ID, Detail: "wrong code of the second factor"})
	}
	return err
}

// useCode uses up a code of the app or a recovery code.
func (s *Service) useCode(ctx context.Context, u user.User, sealed []byte, code string) error {
	if !totp.IsCode(code) {
		err := s.store.UseRecoveryCode(ctx, u.ID, totp.HashRecoveryCode(code))
		if fault.CodeOf(err) == fault.NotFound {
			return errWrongCode
		}
		if err == nil {
			s.audit(ctx, audit.Event{Kind: audit.RecoveryCodeUsed, User: u.ID, Actor: u.ID})
			s.tell(u, u.Email, "A recovery code was used", "somebody gave your password and one of your recovery codes.")
		}
		return err
	}
	step, err := s.stepOf(u, sealed, code)
	if err != nil {
		return err
	}
	err = s.store.UseStep(ctx, u.ID, step)
	if fault.CodeOf(err) == fault.Conflict {
		return errWrongCode // it was used
	}
	return err
}

// stepOf is the time step that a code is of.
func (s *Service) stepOf(u user.User, sealed []byte, code string) (int64, error) {
	secret, _, err := s.secondFactors.Open(sealed, u.ID.String())
	if err != nil {
		return 0, fault.E(fault.Internal, "open the secret of a second factor", err)
	}
	step, ok := totp.Step(string(secret), code, time.Now())
	if !ok {
		return 0, errWrongCode
	}
	return step, nil
}

// GetSecurity says how the caller's account is secured.
func (s *Service) GetSecurity(ctx context.Context, _ *authv1.GetSecurityRequest) (*authv1.Security, error) {
	u, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	factor, err := s.store.SecondFactor(ctx, u.ID)
	if err != nil && fault.CodeOf(err) != fault.NotFound {
		return nil, err
	}
	return &authv1.Security{
		HasPassword: u.PasswordHash != "", EmailVerified: u.EmailVerified, HasSecondFactor: err == nil && factor.IsConfirmed,
	}, nil
}

// OfferSecondFactor makes a secret, which counts for nothing yet.
func (s *Service) OfferSecondFactor(ctx context.Context, req *authv1.OfferSecondFactorRequest) (*authv1.OfferSecondFactorResponse, error) {
	u, err := s.checkPassword(ctx, req.GetPassword())
	if err != nil {
		return nil, err
	}
	secret, url, err := totp.New(issuer, u.Email.Text)
	if err != nil {
		return nil, fault.E(fault.Internal, "OfferSecondFactor", err)
	}
	if err := s.store.OfferSecondFactor(ctx, u.ID, sessionOf(ctx), s.secondFactors.Seal([]byte(secret), u.ID.String())); err != nil {
		return nil, err
	}
	return &authv1.OfferSecondFactorResponse{Secret: secret, Url: url}, nil
}

// ConfirmSecondFactor turns the second factor on: the code shows that the app has the secret.
func (s *Service) ConfirmSecondFactor(ctx context.Context, req *authv1.ConfirmSecondFactorRequest) (res *authv1.RecoveryCodes, err error) {
	u, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	factor, err := s.store.SecondFactor(ctx, u.ID)
	if fault.CodeOf(err) == fault.NotFound || err == nil && factor.IsConfirmed {
		return nil, fault.New(fault.Conflict, "there is no second factor to confirm")
	}
	if err != nil {
		return nil, err
	}
	settle, err := s.attempt(ctx, secondFactor, u.ID.String())
	if err != nil {
		return nil, err
	}
	defer func() { settle(err) }()
	step, err := s.stepOf(u, factor.Sealed, totp.Normal(req.GetCode()))
	if err != nil {
		return nil, fault.Invalid("code", "this code is wrong: is the clock of the phone right?")
	}
	codes, hashes := totp.NewRecoveryCodes()
	if err := s.store.ConfirmSecondFactor(ctx, u.ID, factor.Sealed, step, hashes); err != nil {
		return nil, err
	}
	s.audit(ctx, audit.Event{Kind: audit.SecondFactorOn, User: u.ID})
	s.tell(u, u.Email, "Your account has a second factor", "from now on, signing in to your account takes a code of your authenticator app.")
	return &authv1.RecoveryCodes{RecoveryCodes: codes}, nil
}

// RenewRecoveryCodes replaces them.
func (s *Service) RenewRecoveryCodes(ctx context.Context, req *authv1.RenewRecoveryCodesRequest) (*authv1.RecoveryCodes, error) {
	u, err := s.reauthenticate(ctx, req.GetPassword(), req.GetCode())
	if err != nil {
		return nil, err
	}
	if _, err := s.store.SecondFactor(ctx, u.ID); fault.CodeOf(err) == fault.NotFound {
		return nil, fault.New(fault.Conflict, "this account has no second factor")
	} else if err != nil {
		return nil, err
	}
	codes, hashes := totp.NewRecoveryCodes()
	if err := s.store.SetRecoveryCodes(ctx, u.ID, hashes); err != nil {
		return nil, err
	}
	s.audit(ctx, audit.Event{Kind: audit.RecoveryCodesMade, User: u.ID})
	return &authv1.RecoveryCodes{RecoveryCodes: codes}, nil
}

// DropSecondFactor turns it off.
func (s *Service) DropSecondFactor(ctx context.Context, req *authv1.DropSecondFactorRequest) (*authv1.DropSecondFactorResponse, error) {
	u, err := s.reauthenticate(ctx, req.GetPassword(), req.GetCode())
	if err != nil {
		return nil, err
	}
	if err := s.store.DropSecondFactor(ctx, u.ID); err != nil {
		return nil, err
	}
	s.audit(ctx, audit.Event{Kind: audit.SecondFactorOff, User: u.ID})
	s.tell(u, u.Email, "Your account has no second factor any more", "signing in to your account takes a password only.")
	return &authv1.DropSecondFactorResponse{}, nil
}
