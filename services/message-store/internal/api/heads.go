package api

import (
	"context"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

const (
	// settled is how long a partition must be owned before its heads are answered from memory: until then a sender may
	// still be at another instance (its budget is 5 s).
	settled = 6 * time.Second
	// glance is how old a head may be that a batch is answered with, of a room that another instance writes to. A gateway
	// asks for the heads of rooms that are new to it a second time, a second later, with GetHeads.
	glance = time.Second / 4
	// maxBatchRooms bounds the rooms of a batch: a reply has about 70 bytes for each.
	maxBatchRooms = 2000
)

// GetHeads returns heads, and the markers of a user, as they are stored, if one is named.
func (a *API) GetHeads(ctx context.Context, req *storev1.GetHeadsRequest) (*storev1.GetHeadsResponse, error) {
	all, err := a.headsOf(ctx, []*storev1.GetHeadsRequest{req}, a.Markers.Read, a.Mentions.Read, time.Now())
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// BatchGetHeads does the same for many users at once, with what is remembered.
func (a *API) BatchGetHeads(ctx context.Context, req *storev1.BatchGetHeadsRequest) (*storev1.BatchGetHeadsResponse, error) {
	n := 0
	for _, r := range req.GetRequests() {
		n += len(r.GetRoomIds())
	}
	if n > maxBatchRooms {
		return nil, fault.Invalid("requests", "are about more than %d rooms", maxBatchRooms)
	}
	all, err := a.headsOf(ctx, req.GetRequests(), a.Markers.Remembered, a.Mentions.Remembered, time.Now().Add(-glance))
	return &storev1.BatchGetHeadsResponse{Responses: all}, err
}

type (
	readMarkers  func(context.Context, []store.Reader) (map[store.Reader]store.Marker, error)
	readMentions func(ctx context.Context, readers []store.Behind, asOf time.Time) (map[store.Reader]uint32, error)
)

// headsOf answers requests with one read of heads, one of markers and one of mentions, at most. Markers are read first: one
// that has moved meanwhile is then behind the head, never ahead. But what the user says meanwhile is not unread to them.
// Mentions are read last, up to the heads: whose marker is there has none.
func (a *API) headsOf(ctx context.Context, requests []*storev1.GetHeadsRequest, read readMarkers, count readMentions, notBefore time.Time) (
	[]*storev1.GetHeadsResponse, error,
) {
	asked := make([][]store.Reader, len(requests))
	var readers []store.Reader
	var rooms []ids.Room
	seen := map[ids.Room]struct{}{}
	for i, req := range requests {
		list, err := parseRooms(req.GetRoomIds())
		if err != nil {
			return nil, err
		}
		var user ids.User
		if req.GetUserId() != "" {
			if user, err = ids.ParseUser(req.GetUserId()); err != nil {
				return nil, fault.Invalid("userId", "%v", err)
			}
		}
		asked[i] = make([]store.Reader, len(list))
		for j, r := range list {
			asked[i][j] = store.Reader{User: user, Room: r}
			if _, again := seen[r]; !again {
				seen[r] = struct{}{}
				rooms = append(rooms, r)
			}
		}
		if !user.IsZero() {
			readers = append(readers, asked[i]...)
		}
	}
	markers, err := read(ctx, readers)
	if err != nil {
		return nil, err
	}
	heads, err := a.Pipeline.Heads(ctx, rooms, a.owns, notBefore)
	if err != nil {
		return nil, err
	}
	mentions, err := a.mentionsOf(ctx, readers, markers, heads, count, notBefore)
	if err != nil {
		return nil, err
	}
	all := make([]*storev1.GetHeadsResponse, len(requests))
	for i := range requests {
		all[i] = &storev1.GetHeadsResponse{}
		for _, r := range asked[i] {
			if h, ok := heads[r.Room]; ok {
				all[i].Heads = append(all[i].Heads, head(r.Room, h, markers[r], mentions[r]))
			}
		}
	}
	return all, nil
}

// mentionsOf brings the markers of readers to where they will be, and counts their mentions from there to the heads, which
// are not older than asOf.
func (a *API) mentionsOf(ctx context.Context, readers []store.Reader, markers map[store.Reader]store.Marker, heads map[ids.Room]store.Head,
	count readMentions, asOf time.Time,
) (map[store.Reader]uint32, error) {
	behind := make([]store.Behind, 0, len(readers))
	for _, r := range readers {
		markers[r] = a.Pipeline.Ahead(r, markers[r])
		if h, ok := heads[r.Room]; ok {
			behind = append(behind, store.Behind{Reader: r, Read: markers[r].Seq, Head: h.Seq})
		}
	}
	return count(ctx, behind, asOf)
}

// owns reports whether only this instance writes to the rooms of a partition, and has for a while.
func (a *API) owns(partition int) bool { return a.Owner.Owns(partition, settled) }

func head(r ids.Room, h store.Head, m store.Marker, mentions uint32) *storev1.Head {
	return &storev1.Head{
		RoomId: r.String(), Seq: h.Seq, Ordinal: h.Ordinal, Version: h.Version, ReadSeq: m.Seq, Unread: m.Unread(h.Ordinal), Rev: m.Rev,
		Mentions: mentions,
	}
}
