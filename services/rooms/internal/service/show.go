package service

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/rooms/internal/room"
)

const (
	// shownMembers is how many members a room is shown with.
	shownMembers = 50
	// maxShown is how large a list of rooms may be, in bytes: a reply is at most 512 KiB.
	maxShown = 480 << 10
)

// show is a room as people see it.
func (s *Service) show(ctx context.Context, r room.Room) (*chatv1.Room, error) {
	shown, err := s.showAll(ctx, []room.Room{r})
	if err != nil {
		return nil, err
	}
	return shown[0], nil
}

// showAll shows rooms with their creators and first members. A list that would be too large shows fewer members of each.
func (s *Service) showAll(ctx context.Context, rooms []room.Room) ([]*chatv1.Room, error) {
	list := make([]ids.Room, len(rooms))
	for i, r := range rooms {
		list[i] = r.ID
	}
	first, err := s.store.FirstMembers(ctx, list, shownMembers)
	if err != nil {
		return nil, err
	}
	var users []ids.User
	for _, r := range rooms {
		users = append(append(users, r.Creator), first[r.ID]...)
	}
	names := s.directory.Names(ctx, users)
	shown := make([]*chatv1.Room, len(rooms))
	for i, r := range rooms {
		shown[i] = plain(r)
		shown[i].Creator = names[r.Creator]
		for _, user := range first[r.ID] {
			shown[i].Members = append(shown[i].Members, names[user])
		}
	}
	fit(shown)
	return shown, nil
}

// fit leaves out members, of the rooms with the most, until the list fits a reply; never of a direct conversation.
func fit(rooms []*chatv1.Room) {
	for most := shownMembers; ; most /= 2 {
		size := 0
		for _, r := range rooms {
			if r.GetKind() != string(role.Direct) {
				r.Members = r.Members[:min(most, len(r.Members))]
			}
			size += proto.Size(r)
		}
		if size <= maxShown || most == 0 {
			return
		}
	}
}

// plain is a room without the people in it.
func plain(r room.Room) *chatv1.Room {
	return &chatv1.Room{
		Id: r.ID.String(), Kind: string(r.Kind), Name: r.Name, Description: r.Description, Topic: r.Topic, Avatar: r.Avatar,
		IsPrivate: r.IsPrivate, IsArchived: r.IsArchived, IsAnnouncement: r.IsAnnouncement, SlowModeSeconds: r.SlowMode,
		MemberCount: r.MemberCount, CreatedAt: timestamppb.New(r.CreatedAt), UpdatedAt: timestamppb.New(r.UpdatedAt),
	}
}

// member is a user's place in a room as people see it.
func member(user *chatv1.UserRef, s room.Standing, joined time.Time) *chatv1.Member {
	return &chatv1.Member{User: user, Role: string(s.Role), JoinedAt: timestamppb.New(joined), MutedUntil: until(s.MutedUntil)}
}

// until is when something ends; unset when it has ended, or nothing was to.
func until(t time.Time) *timestamppb.Timestamp {
	if !t.After(now()) {
		return nil
	}
	return timestamppb.New(t)
}
