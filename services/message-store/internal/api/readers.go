package api

import (
	"cmp"
	"context"
	"slices"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/message-store/internal/pipeline"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// ListReaders returns who has read a message, by name.
func (a *API) ListReaders(ctx context.Context, req *storev1.ListReadersRequest) (*storev1.ListReadersResponse, error) {
	m, err := a.message(ctx, req.GetRoomId(), req.GetSeq())
	if err != nil {
		return nil, err
	}
	in := m.Event.Room
	users, count, err := a.Pipeline.Members(ctx, in, 0, pipeline.MaxReceiptRoom) // message has asked as of the log's version
	if err != nil {
		return nil, err
	}
	if count > pipeline.MaxReceiptRoom {
		return nil, &fault.Fault{
			Code: fault.PermissionDenied, Message: "nobody is told who has read what in a room of so many members", Field: "roomId",
		}
	}
	reader := func(user ids.User) store.Reader { return store.Reader{User: user, Room: in, Thread: m.Event.Thread} }
	readers := make([]store.Reader, len(users))
	for i, user := range users {
		readers[i] = reader(user)
	}
	markers, err := a.Markers.Read(ctx, readers)
	if err != nil {
		return nil, err
	}
	users = slices.DeleteFunc(users, func(user ids.User) bool {
		at := markers[reader(user)]
		read := max(at.Seen, a.Pipeline.Ahead(reader(user), at).Seq)
		return user == m.Event.Actor.User || read < m.Event.Seq
	})
	names := a.People.Names(ctx, users)
	res := &storev1.ListReadersResponse{}
	for _, user := range users {
		res.Readers = append(res.Readers, names[user])
	}
	slices.SortFunc(res.GetReaders(), func(a, b *chatv1.UserRef) int {
		return cmp.Or(cmp.Compare(a.GetUsername(), b.GetUsername()), cmp.Compare(a.GetId(), b.GetId()))
	})
	return res, nil
}
