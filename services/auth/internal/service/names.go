package service

import (
	"cmp"
	"context"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/username"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// maxUsers is how many users one GetUsers or FindUsers may ask for.
const maxUsers = 500

// maxPeople is how long a page of the directory may be.
const maxPeople = 100

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

// ListPeople returns a page of the active users whose names begin with the query.
func (s *Service) ListPeople(ctx context.Context, req *authv1.ListPeopleRequest) (*authv1.ListPeopleResponse, error) {
	limit := int(cmp.Or(req.GetLimit(), defaultPage))
	if limit > maxPeople {
		return nil, fault.Invalid("limit", "a page has at most %d entries", maxPeople)
	}
	if _, ok := username.Prefix(req.GetAfter()); !ok {
		return nil, fault.Invalid("after", "this is not the next of a page")
	}
	prefix, ok := username.Prefix(req.GetQuery())
	if !ok {
		return &authv1.ListPeopleResponse{}, nil
	}
	users, err := s.store.UsersByPrefix(ctx, prefix, req.GetAfter(), limit+1)
	if err != nil {
		return nil, err
	}
	res := &authv1.ListPeopleResponse{}
	for i, u := range users[:min(limit, len(users))] {
		res.Users = append(res.Users, protoRef(u))
		if i == limit-1 && len(users) > limit {
			res.Next = u.Username.Key
		}
	}
	return res, nil
}

func protoRef(u user.User) *chatv1.UserRef {
	return &chatv1.UserRef{Id: u.ID.String(), Username: u.Username.Text, Avatar: u.Avatar, IsBot: u.IsBot()}
}
