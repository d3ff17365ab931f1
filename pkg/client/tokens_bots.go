package client

import (
	"context"

	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// CreateToken makes an API token of the user, or of a bot of theirs. The answer has its text, for this one time.
func (c *Client) CreateToken(ctx context.Context, token *authv1.CreateTokenRequest) (*authv1.CreateTokenResponse, error) {
	return call(ctx, c, token, &authv1.CreateTokenResponse{})
}

// Tokens returns the API tokens of the user or (botID is not "") of a bot of theirs.
func (c *Client) Tokens(ctx context.Context, botID string) ([]*authv1.ApiToken, error) {
	res, err := call(ctx, c, &authv1.ListTokensRequest{BotId: botID}, &authv1.ListTokensResponse{})
	return res.GetTokens(), err
}

// RevokeToken makes an API token useless, and closes its connections.
func (c *Client) RevokeToken(ctx context.Context, tokenID string) error {
	return done(ctx, c, &authv1.RevokeTokenRequest{TokenId: tokenID}, &authv1.RevokeTokenResponse{})
}

// CreateBot makes a user that acts by API tokens.
func (c *Client) CreateBot(ctx context.Context, username, avatar string) (*chatv1.User, error) {
	return call(ctx, c, &authv1.CreateBotRequest{Username: username, Avatar: avatar}, &chatv1.User{})
}

// DeleteBot deletes one of the user's bots, for good: its tokens end, its messages stay.
func (c *Client) DeleteBot(ctx context.Context, botID string) error {
	return done(ctx, c, &authv1.DeleteBotRequest{BotId: botID}, &authv1.DeleteBotResponse{})
}

// Bots returns the user's bots.
func (c *Client) Bots(ctx context.Context) ([]*chatv1.User, error) {
	res, err := call(ctx, c, &authv1.ListBotsRequest{}, &authv1.ListBotsResponse{})
	return res.GetBots(), err
}

// Providers returns what one can sign in with besides a password.
func (c *Client) Providers(ctx context.Context) ([]*authv1.Provider, error) {
	res, err := call(ctx, c, &authv1.ListProvidersRequest{}, &authv1.ListProvidersResponse{})
	return res.GetProviders(), err
}

// Identities returns the accounts at providers that the user signs in with.
func (c *Client) Identities(ctx context.Context) ([]*authv1.Identity, error) {
	res, err := call(ctx, c, &authv1.ListIdentitiesRequest{}, &authv1.ListIdentitiesResponse{})
	return res.GetIdentities(), err
}

// RemoveIdentity unlinks an account at a provider. The last way to sign in stays.
func (c *Client) RemoveIdentity(ctx context.Context, identityID string) error {
	return done(ctx, c, &authv1.RemoveIdentityRequest{IdentityId: identityID}, &authv1.RemoveIdentityResponse{})
}
