package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/natter-chat/natter/pkg/ids"
	pkgmongo "github.com/natter-chat/natter/pkg/mongo"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// purgeChunk is how many events one write of Purge wipes.
const purgeChunk = 1000

// Purge wipes what was said and done in a room whose last event is its deletion, and what users keep about it. What stays keeps
// others from writing there: seqs, nonces, hashes, and that it was deleted. It may be called again, and goes on then.
func (s *Store) Purge(ctx context.Context, room ids.Room) error {
	h, err := s.head(ctx, room)
	if err != nil || h.Seq == 0 {
		return pkgmongo.MapErr("log.Purge", err)
	}
	// The log is at its end, so what is folded now is the last: the folder brings nothing back, no content that it read
	// before and no marker of a thread.
	if err := s.folder.foldRoom(ctx, room); err != nil {
		return pkgmongo.MapErr("log.Purge", err)
	}
	for from := int64(0); err == nil && from < int64(h.Seq)-1; from += purgeChunk {
		err = s.purge(ctx, room, roomRange(room, from, min(from+purgeChunk+1, int64(h.Seq))), h.Seq)
	}
	if err == nil {
		_, err = s.saved.DeleteMany(ctx, bson.D{{Key: "roomId", Value: room.String()}})
	}
	if err == nil {
		err = s.discard(ctx, bson.D{{Key: "roomId", Value: room.String()}, notDiscarded()}, h.CreatedAt)
	}
	if err == nil {
		_, err = s.events.UpdateOne(ctx, bson.D{{Key: "_id", Value: documentID(room, h.Seq)}}, bson.D{
			{Key: "$set", Value: bson.D{{Key: "room", Value: info{IsDeleted: true}}}}, unset("username", "avatar"),
		})
	}
	return pkgmongo.MapErr("log.Purge", err)
}

// purge wipes the events with these ids, and the markers of those who joined in them: whoever has a marker in a room
// became a member of it once. The fold of a wiped event says that it is. The folder leaves it alone: it is folded as far
// as the head.
func (s *Store) purge(ctx context.Context, room ids.Room, within bson.D, head uint32) error {
	joined, err := s.find(ctx, bson.D{{Key: "_id", Value: within}, {Key: "kind", Value: kindNames()[store.KindMemberJoined]}, {Key: "member", Value: bson.D{{Key: "$exists", Value: true}}}},
		options.Find())
	if err != nil {
		return err
	}
	for _, m := range joined {
		id := markerID(store.Reader{User: m.Event.Member.User, Room: room})
		// Also those of threads, whose ids go on with a colon. The next character is the semicolon.
		if _, err := s.markers.DeleteMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: id}, {Key: "$lt", Value: id + ";"}}}}); err != nil {
			return err
		}
	}
	_, err = s.events.UpdateMany(ctx, bson.D{{Key: "_id", Value: within}, {Key: "fold.deletedSeq", Value: bson.D{{Key: "$ne", Value: int64(head)}}}}, bson.D{
		{Key: "$set", Value: bson.D{{Key: "fold", Value: fold{AsOf: int64(head), DeletedSeq: int64(head)}}}},
		unset("username", "avatar", "content", "original", "mentions", "called", "fileUrl", "file", "emoji", "isEdited", "editedAt", "updatedAt", "member", "room", "unfolded"),
	})
	return err
}

// unset is the part of an update that takes fields away.
func unset(fields ...string) bson.E {
	d := bson.D{}
	for _, f := range fields {
		d = append(d, bson.E{Key: f, Value: ""})
	}
	return bson.E{Key: "$unset", Value: d}
}
