package service

import (
	"context"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// maxUsers is how many users one GetUsers or FindUsers may ask for.
const maxUsers = 500

// GetUsers returns those of the users that exist, in no order.
func (s *Service) GetUsers(ctx context.Context, req *authv1.GetUsersRequest) (*authv1.GetUsersResponse, error) {
	if len(req.GetUserIds()) > maxUsers {
		return nil, fault.Invalid("userIds", "more than %d users at once", maxUsers)
	}
	list := make([]ids.User, 0, len(req.GetUserIds()))
	for _, text := range req.GetUserIds() {
		id, err := ids.ParseUser(text)
		if err != nil {
			return nil, fault.Invalid("userIds", "%q is not the id of a user", text)
		}
		list = append(list, id)
	}
	users, err := s.store.UsersByID(ctx, list)
	if err != nil {
		return nil, err
	}
	res := &authv1.GetUsersResponse{}
	for _, u := range users {
		res.Users = append(res.Users, protoRef(u))
		if u.State != user.Active {
			res.ClosedIds = append(res.ClosedIds, u.ID.String())
		}
	}
	return res, nil
}

// FindUsers returns who has these usernames, in their order. What cannot be a username nobody has.
func (s *Service) FindUsers(ctx context.Context, req *authv1.FindUsersRequest) (*authv1.FindUsersResponse, error) {
	if len(req.GetUsernames()) > maxUsers {
		return nil, fault.Invalid("usernames", "more than %d users at once", maxUsers)
	}
	at := map[string][]int{} // by key: which of the usernames
	keys := make([]string, 0, len(req.GetUsernames()))
	res := &authv1.FindUsersResponse{}
	for i, text := range req.GetUsernames() {
		res.Users = append(res.Users, &chatv1.UserRef{})
		name, err := user.ParseUsername(text)
		if err != nil {
			continue
		}
		if at[name.Key] == nil {
			keys = append(keys, name.Key)
		}
		at[name.Key] = append(at[name.Key], i)
	}
	users, err := s.store.UsersByName(ctx, keys)
	if err != nil {
		return nil, err
	}
	for _, u := range users {
		for _, i := range at[u.Username.Key] {
			res.Users[i] = protoRef(u)
		}
	}
	return res, nil
}

func protoRef(u user.User) *chatv1.UserRef {
	return &chatv1.UserRef{Id: u.ID.String(), Username: u.Username.Text, Avatar: u.Avatar, IsBot: u.IsBot()}
}
