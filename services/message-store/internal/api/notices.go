package api

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/ids"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/message-store/internal/wire"
)

const (
	// maxChanges is how many events the notices of a page are made of: the newest in its range.
	maxChanges = 500
	// maxNotices is how large a page may be with its notices, in bytes: 512 KiB, less what else is in it.
	maxNotices = 504 << 10
)

// notices adds to a page of a room what happened between its messages; a thread has none.
func (a *API) notices(ctx context.Context, in ids.Room, req *storev1.ListMessagesRequest, page *storev1.ListMessagesResponse) error {
	if req.GetThread() != 0 {
		return nil
	}
	after, before := noticed(req, page)
	changes, err := a.Log.Changes(ctx, in, after, before, maxChanges)
	if err != nil || len(changes) == 0 {
		return err
	}
	seqs := make([]uint32, 0, len(page.GetMessages()))
	for _, m := range slices.Backward(page.GetMessages()) {
		seqs = append(seqs, m.GetSeq())
	}
	notices := wire.Notices(changes, seqs)
	a.rename(ctx, notices)
	page.Notices = notices[:within(notices, maxNotices-proto.Size(page))]
	return nil
}

// rename gives the people of notices the names that they have today.
func (a *API) rename(ctx context.Context, notices []*chatv1.Notice) {
	var users []ids.User
	people := func(yield func(*chatv1.UserRef, ids.User)) {
		for _, n := range notices {
			for _, ref := range append(n.GetUsers(), n.GetActor()) {
				if id, err := ids.ParseUser(ref.GetId()); err == nil {
					yield(ref, id)
				}
			}
		}
	}
	people(func(_ *chatv1.UserRef, id ids.User) { users = append(users, id) })
	names := a.People.Names(ctx, users)
	people(func(ref *chatv1.UserRef, id ids.User) {
		if now := names[id]; now.GetUsername() != "" {
			ref.Username, ref.Avatar, ref.IsBot = now.GetUsername(), now.GetAvatar(), now.GetIsBot()
		}
	})
}

// noticed is the range of the notices of a page, without its ends. Pages that follow each other in one direction share none
// and leave none out.
func noticed(req *storev1.ListMessagesRequest, page *storev1.ListMessagesResponse) (after, before uint32) {
	messages := page.GetMessages()
	if req.After != nil {
		if page.GetMore() {
			return req.GetAfter(), messages[0].GetSeq()
		}
		return req.GetAfter(), page.GetAsOfSeq() + 1
	}
	before = page.GetAsOfSeq() + 1
	if req.Before != nil {
		before = min(before, req.GetBefore())
	}
	if page.GetMore() {
		after = messages[len(messages)-1].GetSeq()
	}
	return after, before
}
