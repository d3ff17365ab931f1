package cli

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/natter-chat/natter/pkg/client"
	"github.com/natter-chat/natter/pkg/fault"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// account is who is chatting, and how to get there.
type account struct {
	register bool   // create it if there is none
	name     string // for register; "": the e-mail's first part
}

// signIn asks for what is missing and signs in, or creates the account.
func (a account) signIn(ctx context.Context, s Settings, screen screen) (*client.Client, *chatv1.User, error) {
	var err error
	if s.User == "" {
		if s.User, err = screen.Ask("E-mail", false); err != nil {
			return nil, nil, err
		}
	}
	if s.Password == "" {
		if s.Password, err = screen.Ask("Password", true); err != nil {
			return nil, nil, err
		}
	}
	options := client.Options{Log: slog.New(slog.DiscardHandler)} // what matters of it is shown as a status
	options.Token = client.PasswordToken(s.Server, s.User, s.Password, options)
	api, err := client.New(s.Server, options)
	if err != nil {
		return nil, nil, err
	}
	if !a.register {
		me, err := api.Me(ctx)
		if fault.CodeOf(err) != fault.Unauthenticated || !screen.Interactive() {
			return api, me, err
		}
		screen.Print("There is no account with this e-mail and password.")
		a.name, err = screen.Ask("Name for a new account (empty: give up)", false)
		if err != nil || strings.TrimSpace(a.name) == "" {
			return nil, nil, fault.New(fault.Unauthenticated, "not signed in")
		}
	}
	if a.name == "" {
		a.name, _, _ = strings.Cut(s.User, "@")
	}
	signedIn, err := api.Register(ctx, s.User, a.name, s.Password)
	if fault.CodeOf(err) == fault.AlreadyExists {
		// --register again is no mistake, if the password is right.
		me, loginErr := api.Me(ctx)
		if loginErr != nil {
			return nil, nil, fmt.Errorf("register: %w", err)
		}
		return api, me, nil
	}
	return api, signedIn.GetUser(), err
}
