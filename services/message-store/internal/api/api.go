// Package api is the rpc of message-store: history for people, log, heads and markers for gateways. What changes a room
// does not come this way but through the pipeline.
package api

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/pkg/rpc"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/message-store/internal/pipeline"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/wire"
)

const (
	// maxReply is how many bytes of events or messages a reply holds: below the 512 KiB of an rpc, with room for the rest.
	maxReply = 480 << 10
	// maxEvents bounds a reply of small events.
	maxEvents = 2000
	// Limits of the protocol.
	defaultPage, maxPage = 50, 100
	maxRooms             = 500
)

// Log is what the rpc reads of the store.
type Log interface {
	Targets(ctx context.Context, refs []store.Ref) (map[store.Ref]*store.Message, error)
	EventsAt(ctx context.Context, room ids.Room, seqs []uint32) ([]*store.Event, error)
	Changes(ctx context.Context, room ids.Room, after, before uint32, limit int) ([]*store.Event, error)
	Pins(ctx context.Context, room ids.Room, before uint32, limit int) (store.Page, error)
	Save(ctx context.Context, m store.Saved, most int) (isNew bool, err error)
	Unsave(ctx context.Context, user ids.User, m store.Ref) (was bool, err error)
	UnsaveRoom(ctx context.Context, user ids.User, room ids.Room) error
	Saved(ctx context.Context, user ids.User, before ids.Saved, limit int) ([]store.Saved, error)
	Heads(ctx context.Context, rooms []ids.Room) (map[ids.Room]store.Head, error)
	Events(ctx context.Context, room ids.Room, after uint32, limit, maxBytes int) (store.Log, error)
	MessagesBefore(ctx context.Context, room ids.Room, before uint32, limit int) (store.Page, error)
	MessagesAfter(ctx context.Context, room ids.Room, after uint32, limit int) (store.Page, error)
	RepliesBefore(ctx context.Context, root store.Ref, before uint32, limit int) (store.Page, error)
	RepliesAfter(ctx context.Context, root store.Ref, after uint32, limit int) (store.Page, error)
	Threads(ctx context.Context, room ids.Room, before uint32, limit int) (store.Page, error)
	FollowedThreads(ctx context.Context, user ids.User, before store.ThreadAt, limit int) ([]store.ThreadAt, error)
	Purge(ctx context.Context, room ids.Room) error
	Mentions(ctx context.Context, user ids.User, rooms []ids.Room, before store.MentionAt, limit int) ([]store.MentionAt, error)
}

// Markers is the read markers, as the store has them or as they are remembered. Who never read is left out, or is at 0.
type Markers interface {
	Read(ctx context.Context, readers []store.Reader) (map[store.Reader]store.Marker, error)
	Remembered(ctx context.Context, readers []store.Reader) (map[store.Reader]store.Marker, error)
}

// Mentions is how many messages up to a head call readers after their markers, as the store has it or as it is remembered.
// Who is called by none is left out. The heads are not older than asOf.
type Mentions interface {
	Read(ctx context.Context, readers []store.Behind, asOf time.Time) (map[store.Reader]uint32, error)
	Remembered(ctx context.Context, readers []store.Behind, asOf time.Time) (map[store.Reader]uint32, error)
}

// Rooms knows the rooms that a user is in.
type Rooms interface {
	Rooms(ctx context.Context, user ids.User) ([]ids.Room, error)
	RoomNames(ctx context.Context, user ids.User) (map[ids.Room]string, error)
}

// Pipeline knows the rooms that are written to here.
type Pipeline interface {
	Role(ctx context.Context, room ids.Room, user ids.User, version uint32) (role.Role, int, error)
	Deleted(ctx context.Context, room ids.Room, version uint32) (bool, error)
	Members(ctx context.Context, room ids.Room, version uint32, most int) (users []ids.User, count int, err error)
	Heads(ctx context.Context, rooms []ids.Room, mine func(partition int) bool, notBefore time.Time) (map[ids.Room]store.Head, error)
	MoveMarkers(ctx context.Context, moves []store.Move, now map[ids.Room]pipeline.Now) error
	MayPost(ctx context.Context, room ids.Room, user ids.User, version uint32) error
	Ahead(who store.Reader, at store.Marker) store.Marker
}

// Owner says which partitions are this instance's.
type Owner interface {
	Owns(partition int, atLeast time.Duration) bool
}

// People knows what users are called today: a people.Directory. Who is unknown, or cannot be asked for, has no name.
type People interface {
	Names(ctx context.Context, users []ids.User) map[ids.User]*chatv1.UserRef
}

// Publisher is the bus. What it loses, clients ask for when they come back.
type Publisher interface {
	Publish(subject string, data []byte) error
}

// Deps is what the API works with.
type Deps struct {
	Log      Log
	Markers  Markers
	Mentions Mentions
	Pipeline Pipeline
	Owner    Owner
	Rooms    Rooms
	People   People
	// Search and Usernames answer searches.
	Search    Search
	Usernames Usernames
	Bus       Publisher
	Files     Files
	// MaxSaved is how many messages a user may have saved.
	MaxSaved int
	// FileQuota is how many bytes of files a user may have; 0: any number.
	FileQuota int64
	// Epoch is that of the store, and so is HashKey.
	Epoch   string
	HashKey []byte
	// Now is the clock of files.
	Now func() time.Time
}

// API answers the rpc. It is safe for concurrent use.
type API struct {
	Deps
	links links
}

// New returns an API.
func New(d Deps) *API { return &API{Deps: d, links: newLinks(d.HashKey)} }

// Serve adds the methods to a server.
func (a *API) Serve(s *rpc.Server) error {
	return errors.Join(
		rpc.Handle(s, "ListMessages", a.ListMessages),
		rpc.Handle(s, "GetEvents", a.GetEvents),
		rpc.Handle(s, "GetHeads", a.GetHeads),
		rpc.Handle(s, "BatchGetHeads", a.BatchGetHeads),
		rpc.Handle(s, "MoveMarkers", a.MoveMarkers),
		rpc.Handle(s, "GetMeta", a.GetMeta),
		rpc.Handle(s, "GetMessage", a.GetMessage),
		rpc.Handle(s, "ListEdits", a.ListEdits),
		rpc.Handle(s, "ListThreads", a.ListThreads),
		rpc.Handle(s, "ListFollowedThreads", a.ListFollowedThreads),
		rpc.Handle(s, "PurgeRoom", a.PurgeRoom),
		rpc.Handle(s, "ListMentions", a.ListMentions),
		rpc.Handle(s, "ListPins", a.ListPins),
		rpc.Handle(s, "ListReaders", a.ListReaders),
		rpc.Handle(s, "SaveMessage", a.SaveMessage),
		rpc.Handle(s, "UnsaveMessage", a.UnsaveMessage),
		rpc.Handle(s, "ListSaved", a.ListSaved),
		rpc.Handle(s, "SearchMessages", a.SearchMessages),
		rpc.Handle(s, "CreateFile", a.CreateFile),
		rpc.Handle(s, "FinishFile", a.FinishFile),
		rpc.Handle(s, "GetFile", a.GetFile),
		rpc.Handle(s, "DeleteFile", a.DeleteFile),
		rpc.Handle(s, "SignFiles", a.SignFiles),
		rpc.Handle(s, "ListGarbage", a.ListGarbage),
		rpc.Handle(s, "ForgetFiles", a.ForgetFiles),
	)
}

// GetMeta returns the epoch.
func (a *API) GetMeta(context.Context, *storev1.GetMetaRequest) (*storev1.GetMetaResponse, error) {
	return &storev1.GetMetaResponse{Epoch: a.Epoch}, nil
}

// GetEvents returns events in order.
func (a *API) GetEvents(ctx context.Context, req *storev1.GetEventsRequest) (*storev1.GetEventsResponse, error) {
	in, err := parseRoom(req.GetRoomId())
	if err != nil {
		return nil, err
	}
	limit := maxEvents
	if n := req.GetLimit(); n > 0 && n < maxEvents {
		limit = int(n)
	}
	log, err := a.Log.Events(ctx, in, req.GetAfterSeq(), limit, maxReply)
	if err != nil {
		return nil, err
	}
	res := &storev1.GetEventsResponse{HeadSeq: log.Head.Seq, Events: make([]*chatv1.Event, len(log.Events))}
	for i, e := range log.Events {
		res.Events[i] = wire.Event(e)
	}
	return res, nil
}

// ListMessages returns a page of history to a member of the room.
func (a *API) ListMessages(ctx context.Context, req *storev1.ListMessagesRequest) (*storev1.ListMessagesResponse, error) {
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return nil, err
	}
	in, err := parseRoom(req.GetRoomId())
	if err != nil {
		return nil, err
	}
	limit, err := pageSize(req.GetLimit())
	if err != nil {
		return nil, err
	}
	if req.Before != nil && req.After != nil {
		return nil, fault.Invalid("after", "cannot be combined with before")
	}
	if err := a.member(ctx, in, caller.User); err != nil {
		return nil, err
	}
	page, err := a.page(ctx, in, req, limit)
	if err != nil {
		return nil, err
	}
	res := &storev1.ListMessagesResponse{AsOfSeq: page.AsOf, More: page.More}
	if res.Messages, err = a.show(ctx, page.Messages); err != nil {
		return nil, err
	}
	fit(res, req.After != nil)
	return res, a.notices(ctx, in, req, res)
}

func pageSize(limit uint32) (int, error) {
	switch {
	case limit == 0:
		return defaultPage, nil
	case limit > maxPage:
		return 0, fault.Invalid("limit", "must be 1 to %d", maxPage)
	}
	return int(limit), nil
}

// fit drops messages that do not fit a reply, from the end that the next page begins with.
func fit(res *storev1.ListMessagesResponse, forward bool) {
	if forward { // newest first, but the next page goes on after the newest
		slices.Reverse(res.GetMessages())
	}
	if n := fitting(res.GetMessages()); n < len(res.GetMessages()) {
		res.Messages, res.More = res.GetMessages()[:n], true
	}
	if forward {
		slices.Reverse(res.GetMessages())
	}
}

// member checks the caller against a state of the room that is not older than its log.
func (a *API) member(ctx context.Context, in ids.Room, user ids.User) error {
	heads, err := a.Log.Heads(ctx, []ids.Room{in})
	if err != nil {
		return err
	}
	is, _, err := a.Pipeline.Role(ctx, in, user, heads[in].Version)
	if err != nil {
		return err
	}
	if is == role.None {
		return fault.New(fault.PermissionDenied, "you are not a member of this room")
	}
	return nil
}

func parseRoom(s string) (ids.Room, error) {
	r, err := ids.ParseRoom(s)
	if err != nil {
		return r, fault.Invalid("roomId", "%v", err)
	}
	return r, nil
}

func parseRooms(texts []string) ([]ids.Room, error) {
	if len(texts) > maxRooms {
		return nil, fault.Invalid("roomIds", "are more than %d", maxRooms)
	}
	rooms := make([]ids.Room, len(texts))
	for i, s := range texts {
		var err error
		if rooms[i], err = parseRoom(s); err != nil {
			return nil, err
		}
	}
	return rooms, nil
}
