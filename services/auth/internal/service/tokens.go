package service

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/avatar"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/auth/internal/audit"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

const (
	maxTokens    = 50 // of one user
	maxBots      = 20 // of one owner
	maxTokenName = 100
	// touchEvery is how exact the time of a token's last use is: a busy token costs one write in this time.
	touchEvery = time.Minute
	// maxChecked is how many tokens one EndedTokens may ask for.
	maxChecked = 1000
)

// serveTokens adds the methods of tokens and of the audit log to the bus.
func (s *Service) serveTokens(server *rpc.Server) error {
	return errors.Join(
		rpc.Handle(server, "CreateToken", s.CreateToken),
		rpc.Handle(server, "ListTokens", s.ListTokens),
		rpc.Handle(server, "RevokeToken", s.RevokeToken),
		rpc.Handle(server, "CreateBot", s.CreateBot),
		rpc.Handle(server, "DeleteBot", s.DeleteBot),
		rpc.Handle(server, "ListBots", s.ListBots),
		rpc.Handle(server, "CheckToken", s.CheckToken),
		rpc.Handle(server, "EndedTokens", s.EndedTokens),
		rpc.Handle(server, "ListAuditEvents", s.ListAuditEvents),
	)
}

var errBadToken = fault.New(fault.Unauthenticated, "the API token is not valid, has expired or was revoked")

// CreateToken makes a token of the caller, or of a bot of theirs. The gateway lets no API token call this: a token cannot
// make another one that may do more or lives longer.
func (s *Service) CreateToken(ctx context.Context, req *authv1.CreateTokenRequest) (*authv1.CreateTokenResponse, error) {
	caller, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	of, err := s.selfOrBot(ctx, caller, req.GetBotId())
	if err != nil {
		return nil, err
	}
	name := strings.TrimSpace(req.GetName())
	if n := utf8.RuneCountInString(name); n < 1 || n > maxTokenName {
		return nil, fault.Invalid("name", "a name has 1 to %d characters", maxTokenName)
	}
	scopes, err := parseScopes(req.GetScopes(), of)
	if err != nil {
		return nil, err
	}
	text := authn.NewAPIToken()
	hash, _ := authn.HashAPIToken(text)
	t := store.Token{ID: ids.New[ids.Session](), User: of.ID, Hash: hash[:], Name: name, Scopes: strings.Join(scopes, " "), CreatedAt: now()}
	if req.ExpiresAt != nil {
		t.ExpiresAt = req.GetExpiresAt().AsTime().Truncate(time.Millisecond)
		if req.GetExpiresAt().CheckValid() != nil || !t.ExpiresAt.After(t.CreatedAt) {
			return nil, fault.Invalid("expiresAt", "a token expires in the future")
		}
	}
	if err := s.store.AddToken(ctx, t, sessionOf(ctx), maxTokens); err != nil {
		return nil, err
	}
	s.audit(ctx, audit.Event{Kind: audit.TokenCreated, User: of.ID, Detail: t.ID.String() + " (" + t.Scopes + ") " + name})
	return &authv1.CreateTokenResponse{Token: text, Details: protoToken(t)}, nil
}

// selfOrBot is the caller, or (id is not empty) a bot of theirs. NotFound for all other users.
func (s *Service) selfOrBot(ctx context.Context, caller user.User, id string) (user.User, error) {
	if id == "" {
		return caller, nil
	}
	bot, err := ids.ParseUser(id)
	if err != nil {
		return user.User{}, fault.Invalid("botId", "this is not the id of a bot")
	}
	u, err := s.store.UserByID(ctx, bot)
	if err == nil && (u.BotOwner != caller.ID || u.State != user.Active) || fault.CodeOf(err) == fault.NotFound {
		return user.User{}, fault.New(fault.NotFound, "you have no such bot")
	}
	return u, err
}

// parseScopes puts scopes in order, each once. InvalidArgument of the field scopes.
func parseScopes(scopes []string, of user.User) ([]string, error) {
	all := []string{authn.ScopeRead, authn.ScopeWrite, authn.ScopeAdmin}
	var sorted []string
	for _, scope := range all {
		if slices.Contains(scopes, scope) {
			sorted = append(sorted, scope)
		}
	}
	switch unknown := slices.IndexFunc(scopes, func(s string) bool { return !slices.Contains(all, s) }); {
	case unknown >= 0:
		return nil, fault.Invalid("scopes", "%.20q is not a scope: they are %s", scopes[unknown], strings.Join(all, ", "))
	case len(sorted) == 0:
		return nil, fault.Invalid("scopes", "a token has at least one scope of %s", strings.Join(all, ", "))
	case slices.Contains(sorted, authn.ScopeAdmin) && of.Role < user.Admin:
		return nil, fault.Invalid("scopes", "only administrators may have tokens with the scope admin")
	}
	return sorted, nil
}

// ListTokens returns those of the caller, or of a bot of theirs.
func (s *Service) ListTokens(ctx context.Context, req *authv1.ListTokensRequest) (*authv1.ListTokensResponse, error) {
	caller, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	of, err := s.selfOrBot(ctx, caller, req.GetBotId())
	if err != nil {
		return nil, err
	}
	list, err := s.store.TokensOf(ctx, of.ID)
	if err != nil {
		return nil, err
	}
	res := &authv1.ListTokensResponse{}
	for _, t := range list {
		res.Tokens = append(res.Tokens, protoToken(t))
	}
	return res, nil
}

// RevokeToken ends a token of the caller, of a bot of theirs or, for administrators, of anybody. NotFound for all others.
func (s *Service) RevokeToken(ctx context.Context, req *authv1.RevokeTokenRequest) (*authv1.RevokeTokenResponse, error) {
	caller, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	id, err := ids.ParseSession(req.GetTokenId())
	if err != nil {
		return nil, fault.Invalid("tokenId", "a token id is %v", err)
	}
	t, err := s.store.TokenByID(ctx, id)
	if err != nil {
		return nil, err
	}
	of, err := s.store.UserByID(ctx, t.User)
	if err != nil {
		return nil, err
	}
	if of.ID != caller.ID && of.BotOwner != caller.ID && caller.Role < user.Admin {
		return nil, fault.New(fault.NotFound, "there is no such token")
	}
	if err := s.store.DeleteToken(ctx, id); err != nil {
		return nil, err
	}
	s.tellTokensEnded(of.ID, []ids.Session{id})
	s.audit(ctx, audit.Event{Kind: audit.TokenRevoked, User: of.ID, Detail: id.String() + " " + t.Name})
	return &authv1.RevokeTokenResponse{}, nil
}

// CreateBot makes a bot of the caller. Anybody may: a bot sees and does no more than its owner could by joining the same
// rooms, and stops with them.
func (s *Service) CreateBot(ctx context.Context, req *authv1.CreateBotRequest) (*chatv1.User, error) {
	caller, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	username, err := user.ParseUsername(req.GetUsername())
	if err != nil {
		return nil, err
	}
	picture, err := avatar.Parse(req.GetAvatar())
	if err != nil {
		return nil, err
	}
	bot := user.NewBot(caller.ID, username, picture, now())
	if err := s.store.AddBot(ctx, bot, maxBots); err != nil {
		return nil, err
	}
	s.audit(ctx, audit.Event{Kind: audit.BotCreated, User: bot.ID, Detail: username.Text})
	return protoUser(bot), nil
}

// DeleteBot deletes one of the caller's. NotFound.
func (s *Service) DeleteBot(ctx context.Context, req *authv1.DeleteBotRequest) (*authv1.DeleteBotResponse, error) {
	caller, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	bot, err := s.selfOrBot(ctx, caller, cmp.Or(req.GetBotId(), "none"))
	if err != nil {
		return nil, err
	}
	return &authv1.DeleteBotResponse{}, s.erase(ctx, bot, audit.Event{Kind: audit.BotDeleted, Detail: bot.Username.Text})
}

// ListBots returns those of the caller.
func (s *Service) ListBots(ctx context.Context, _ *authv1.ListBotsRequest) (*authv1.ListBotsResponse, error) {
	caller, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	bots, err := s.store.BotsOf(ctx, caller.ID)
	if err != nil {
		return nil, err
	}
	res := &authv1.ListBotsResponse{}
	for _, b := range bots {
		res.Bots = append(res.Bots, protoUser(b))
	}
	return res, nil
}

// CheckToken says whose a token is. Unauthenticated when there is none, it has expired, or its user or its bot's owner may
// not use the server.
func (s *Service) CheckToken(ctx context.Context, req *authv1.CheckTokenRequest) (*authv1.CheckTokenResponse, error) {
	if len(req.GetHash()) != sha256.Size {
		return nil, errBadToken
	}
	t, err := s.store.TokenByHash(ctx, req.GetHash())
	at := now()
	if fault.CodeOf(err) == fault.NotFound || err == nil && !t.ExpiresAt.IsZero() && !at.Before(t.ExpiresAt) {
		return nil, errBadToken
	}
	if err != nil {
		return nil, err
	}
	u, err := s.store.UserByID(ctx, t.User)
	if err != nil {
		return nil, err
	}
	responsible := u
	if u.IsBot() {
		if responsible, err = s.store.UserByID(ctx, u.BotOwner); err != nil {
			return nil, err
		}
	}
	if u.State != user.Active || responsible.State != user.Active {
		return nil, errBadToken
	}
	if err := s.store.TouchToken(ctx, t.ID, at, at.Add(-touchEvery)); err != nil {
		s.log.Warn("use of an API token not noted", "error", err)
	}
	res := &authv1.CheckTokenResponse{TokenId: t.ID.String(), User: protoUser(u), Scopes: strings.Fields(t.Scopes), Role: u.Role.String()}
	if !t.ExpiresAt.IsZero() {
		res.ExpiresAt = timestamppb.New(t.ExpiresAt)
	}
	return res, nil
}

// EndedTokens returns those of some tokens that are not good any more.
func (s *Service) EndedTokens(ctx context.Context, req *authv1.EndedTokensRequest) (*authv1.EndedTokensResponse, error) {
	if len(req.GetTokenIds()) > maxChecked {
		return nil, fault.Invalid("tokenIds", "more than %d tokens at once", maxChecked)
	}
	list := make([]ids.Session, 0, len(req.GetTokenIds()))
	for _, text := range req.GetTokenIds() {
		id, err := ids.ParseSession(text)
		if err != nil {
			return nil, fault.Invalid("tokenIds", "a token id is %v", err)
		}
		list = append(list, id)
	}
	good, err := s.store.GoodTokens(ctx, list, now())
	if err != nil {
		return nil, err
	}
	res := &authv1.EndedTokensResponse{}
	for _, id := range list {
		if !slices.Contains(good, id) {
			res.TokenIds = append(res.TokenIds, id.String())
		}
	}
	return res, nil
}

// tellTokensEnded is tellRevoked for API tokens, which gateways refuse by themselves when they ask again.
func (s *Service) tellTokensEnded(owner ids.User, ended []ids.Session) {
	s.publishRevoked(owner, ended, revokedFor)
}

// hangUpTokens closes the connections that the tokens of a user and of their bots have opened.
func (s *Service) hangUpTokens(ctx context.Context, owner ids.User) error {
	bots, err := s.store.BotsOf(ctx, owner)
	if err != nil {
		return err
	}
	for _, u := range append(bots, user.User{ID: owner}) {
		tokens, err := s.store.TokensOf(ctx, u.ID)
		if err != nil {
			return err
		}
		var ended []ids.Session
		for _, t := range tokens {
			ended = append(ended, t.ID)
		}
		s.tellTokensEnded(u.ID, ended)
	}
	return nil
}

func protoToken(t store.Token) *authv1.ApiToken {
	p := &authv1.ApiToken{Id: t.ID.String(), Name: t.Name, Scopes: strings.Fields(t.Scopes), CreatedAt: timestamppb.New(t.CreatedAt)}
	if !t.ExpiresAt.IsZero() {
		p.ExpiresAt = timestamppb.New(t.ExpiresAt)
	}
	if !t.LastUsedAt.IsZero() {
		p.LastUsedAt = timestamppb.New(t.LastUsedAt)
	}
	return p
}
