package service

import (
	"context"
	"slices"
	"strings"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// OpenDirect returns the conversation of the caller and another user, and makes it if there is none. One that there is
// can be opened though the other's account was closed since: what was said stays.
func (s *Service) OpenDirect(ctx context.Context, req *roomsv1.OpenDirectRequest) (*chatv1.Room, error) {
	user, me, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	other, err := parseUser("userId", req.GetUserId())
	if err != nil {
		return nil, err
	}
	pair := room.PairOf(user, other)
	r, err := s.store.Direct(ctx, pair)
	if fault.CodeOf(err) == fault.NotFound {
		r, err = s.startDirect(ctx, user, me, pair, other)
	}
	if err != nil {
		return nil, err
	}
	return s.show(ctx, r)
}

func (s *Service) startDirect(ctx context.Context, user ids.User, me *chatv1.UserRef, pair room.Pair, other ids.User) (room.Room, error) {
	refs := map[ids.User]*chatv1.UserRef{user: me}
	if other != user {
		them, err := s.reachable(ctx, other)
		if err != nil {
			return room.Room{}, err
		}
		refs[other] = them
	}
	r := room.Room{Kind: role.Direct, Pair: pair}
	return s.converse(ctx, user, r, pair.People(), func(member ids.User) room.Decide { return room.Converse(me, refs[member]) })
}

// CreateGroup starts a conversation of a few people.
func (s *Service) CreateGroup(ctx context.Context, req *roomsv1.CreateGroupRequest) (*chatv1.Room, error) {
	user, me, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	name := strings.TrimSpace(req.GetName())
	if name != "" {
		if name, err = s.limits.Name(name); err != nil {
			return nil, err
		}
	}
	members := []ids.User{user}
	for _, text := range req.GetUserIds() {
		id, err := parseUser("userIds", text)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(members, id) {
			members = append(members, id)
		}
		if len(members) > room.MaxGroup {
			return nil, fault.Invalid("userIds", "a group begins with at most %d people", room.MaxGroup)
		}
	}
	if len(members) == 1 {
		return nil, fault.Invalid("userIds", "a group needs somebody else")
	}
	refs, err := s.directory.Active(ctx, members[1:])
	if err != nil {
		return nil, err
	}
	if len(refs) < len(members)-1 {
		return nil, errNoUser("userIds")
	}
	refs[user] = me
	r, err := s.converse(ctx, user, room.Room{Kind: role.Group, Settings: room.Settings{Name: name}}, members,
		func(member ids.User) room.Decide { return s.limits.Gather(me, refs[member]) })
	if err != nil {
		return nil, err
	}
	return s.show(ctx, r)
}

// converse makes a conversation of these members; decide is asked for each. As CreateRoom, it answers though the log cannot
// be reached yet.
func (s *Service) converse(ctx context.Context, user ids.User, r room.Room, members []ids.User, decide func(ids.User) room.Decide) (room.Room, error) {
	r.ID, r.Creator, r.CreatedAt, r.IsPrivate = ids.New[ids.Room](), user, now(), true
	steps := make([]store.Step, len(members))
	for i, member := range members {
		steps[i] = store.Step{By: store.By{Room: r.ID, Actor: user, Target: member, At: r.CreatedAt}, Decide: decide(member)}
	}
	made, err := s.store.Converse(ctx, r, steps, s.limits.Start)
	if err != nil {
		return made, err
	}
	if err := s.deliver(ctx, made); err != nil {
		s.log.Warn("a new conversation is not in its log yet", "error", err)
	}
	return made, nil
}
