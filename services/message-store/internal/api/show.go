package api

import (
	"context"
	"slices"

	"github.com/natter-chat/natter/pkg/ids"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/wire"
)

// show is messages as people see them today: their authors by the names they have now, and with a reply what it answers,
// as that is now: one lookup for all of them, and none when there is no reply.
func (a *API) show(ctx context.Context, messages []*store.Message) ([]*chatv1.Message, error) {
	answered, err := a.answered(ctx, messages)
	if err != nil {
		return nil, err
	}
	authors := make([]ids.User, 0, len(messages)+len(answered))
	for _, m := range messages {
		authors = append(authors, m.Event.Actor.User)
	}
	for _, m := range answered {
		authors = append(authors, m.Event.Actor.User)
	}
	names := a.People.Names(ctx, authors)
	shown := make([]*chatv1.Message, len(messages))
	for i, m := range messages {
		shown[i] = wire.Message(m)
		if author := names[m.Event.Actor.User]; author.GetUsername() != "" {
			shown[i].Username, shown[i].Avatar = author.GetUsername(), author.GetAvatar()
		}
		if q := answered[answers(m)]; q != nil {
			shown[i].Quote = wire.Quote(q)
			shown[i].Quote.Username = person(names, q.Event.Actor).GetUsername()
		}
	}
	return shown, nil
}

// answered is what messages reply to. What is no message is left out.
func (a *API) answered(ctx context.Context, messages []*store.Message) (map[store.Ref]*store.Message, error) {
	var refs []store.Ref
	for _, m := range messages {
		if to := answers(m); to.Seq > 0 && !slices.Contains(refs, to) {
			refs = append(refs, to)
		}
	}
	if len(refs) == 0 {
		return nil, nil
	}
	return a.Log.Targets(ctx, refs)
}

// answers names what a message replies to; its Seq is 0 when that is nothing.
func answers(m *store.Message) store.Ref { return store.Ref{Room: m.Event.Room, Seq: m.Event.ReplyTo} }

// person is a user as they are known today, or as they were then when nobody knows.
func person(names map[ids.User]*chatv1.UserRef, then store.Actor) *chatv1.UserRef {
	if now := names[then.User]; now.GetUsername() != "" {
		return now
	}
	return &chatv1.UserRef{Id: then.User.String(), Username: then.Username, Avatar: then.Avatar}
}
