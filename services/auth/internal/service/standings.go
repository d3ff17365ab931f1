package service

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/subject"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

const (
	maxStatusChars   = 100
	maxStatusEmoji   = 32 // bytes
	maxStatusSeconds = 366 * 24 * 60 * 60
)

// serveStandings adds the methods of statuses and of being seen to the bus.
func (s *Service) serveStandings(server *rpc.Server) error {
	return errors.Join(
		rpc.Handle(server, "SetStatus", s.SetStatus),
		rpc.Handle(server, "GetStatus", s.GetStatus),
		rpc.Handle(server, "ListStandings", s.ListStandings),
		rpc.Handle(server, "RecordSeen", s.RecordSeen),
	)
}

// SetStatus changes what the caller says about themselves, and tells those who watch them.
func (s *Service) SetStatus(ctx context.Context, req *authv1.SetStatusRequest) (*chatv1.Status, error) {
	u, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	status := store.Status{Text: strings.TrimSpace(req.GetText()), Emoji: req.GetEmoji(), DoNotDisturb: req.GetDoNotDisturb()}
	switch {
	case utf8.RuneCountInString(status.Text) > maxStatusChars:
		return nil, fault.Invalid("text", "must have up to %d characters", maxStatusChars)
	case strings.ContainsFunc(status.Text, unicode.IsControl):
		return nil, fault.Invalid("text", "must not hold control characters")
	case len(status.Emoji) > maxStatusEmoji || strings.ContainsFunc(status.Emoji, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }):
		return nil, fault.Invalid("emoji", "must be one emoji of up to %d bytes", maxStatusEmoji)
	case req.GetExpiresInSeconds() > maxStatusSeconds:
		return nil, fault.Invalid("expiresInSeconds", "must be up to %d, or 0 for a status that stays", maxStatusSeconds)
	}
	if n := req.GetExpiresInSeconds(); n > 0 {
		status.ExpiresAt = now().Add(time.Duration(n) * time.Second)
	}
	if err := s.store.SetStatus(ctx, u.ID, status); err != nil {
		return nil, err
	}
	shown := protoStatus(status)
	s.publish(subject.Presence(u.ID), &busv1.PresenceChanged{UserId: u.ID.String(), Status: shown})
	if shown == nil {
		shown = &chatv1.Status{}
	}
	return shown, nil
}

// GetStatus returns what the caller says about themselves.
func (s *Service) GetStatus(ctx context.Context, _ *authv1.GetStatusRequest) (*chatv1.Status, error) {
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return nil, err
	}
	list, err := s.store.Standings(ctx, time.Now(), []ids.User{caller.User})
	if err != nil {
		return nil, err
	}
	for _, is := range list {
		if shown := protoStatus(is.Status); shown != nil {
			return shown, nil
		}
	}
	return &chatv1.Status{}, nil
}

// ListStandings returns what gateways show of users.
func (s *Service) ListStandings(ctx context.Context, req *authv1.ListStandingsRequest) (*authv1.ListStandingsResponse, error) {
	if len(req.GetUserIds()) > maxUsers {
		return nil, fault.Invalid("userIds", "must be up to %d", maxUsers)
	}
	users := make([]ids.User, len(req.GetUserIds()))
	for i, text := range req.GetUserIds() {
		var err error
		if users[i], err = ids.ParseUser(text); err != nil {
			return nil, fault.Invalid("userIds", "%v", err)
		}
	}
	list, err := s.store.Standings(ctx, time.Now(), users)
	if err != nil {
		return nil, err
	}
	res := &authv1.ListStandingsResponse{}
	for _, is := range list {
		p := &authv1.Standing{UserId: is.User.String(), Status: protoStatus(is.Status)}
		if !is.LastSeen.IsZero() {
			p.LastSeen = timestamppb.New(is.LastSeen)
		}
		res.Standings = append(res.Standings, p)
	}
	return res, nil
}

// RecordSeen notes when users were last online.
func (s *Service) RecordSeen(ctx context.Context, req *authv1.RecordSeenRequest) (*authv1.RecordSeenResponse, error) {
	if len(req.GetSeen()) > maxUsers {
		return nil, fault.Invalid("seen", "must be up to %d", maxUsers)
	}
	seen := make(map[ids.User]time.Time, len(req.GetSeen()))
	present := now()
	for _, is := range req.GetSeen() {
		id, err := ids.ParseUser(is.GetUserId())
		if err != nil {
			return nil, fault.Invalid("seen.userId", "%v", err)
		}
		at := is.GetAt().AsTime().Truncate(time.Millisecond)
		if at.After(present) {
			at = present // a gateway whose clock is ahead
		}
		seen[id] = at
	}
	return &authv1.RecordSeenResponse{}, s.store.RecordSeen(ctx, seen)
}

// protoStatus is a status as others see it; nil for nothing.
func protoStatus(s store.Status) *chatv1.Status {
	if s.Text == "" && s.Emoji == "" && !s.DoNotDisturb {
		return nil
	}
	p := &chatv1.Status{Text: s.Text, Emoji: s.Emoji, DoNotDisturb: s.DoNotDisturb}
	if !s.ExpiresAt.IsZero() {
		p.ExpiresAt = timestamppb.New(s.ExpiresAt)
	}
	return p
}
