package mongo

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	pkgmongo "github.com/natter-chat/natter/pkg/mongo"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// file is a store.FileInfo: in a message, and in the collection `files`.
type file struct {
	ID           string `bson:"_id"`
	Name         string `bson:"name"`
	Size         int64  `bson:"size"`
	Type         string `bson:"type"`
	Width        int64  `bson:"width,omitempty"`
	Height       int64  `bson:"height,omitempty"`
	HasThumbnail bool   `bson:"hasThumbnail,omitempty"`
}

// fileDocument is a file in the collection `files`.
type fileDocument struct {
	Info   file   `bson:",inline"`
	UserID string `bson:"userId"`
	// RoomID is missing in that of a public picture.
	RoomID string `bson:"roomId,omitempty"`
	// State is a store.FileState.
	State     int64  `bson:"state"`
	Nonce     string `bson:"nonce,omitempty"`
	ChangedAt int64  `bson:"changedAt"`
}

// indexFiles makes the indexes of files, one by one: emulations of MongoDB fail to make several at once.
func (s *Store) indexFiles(ctx context.Context) error {
	for name, keys := range map[string]bson.D{
		"user": {{Key: "userId", Value: 1}, {Key: "state", Value: 1}, {Key: "size", Value: 1}}, "room": {{Key: "roomId", Value: 1}},
		"state": {{Key: "state", Value: 1}, {Key: "changedAt", Value: 1}},
	} {
		if _, err := s.files.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: keys, Options: options.Index().SetName(name)}); err != nil {
			return fmt.Errorf("create index %s of files: %w", name, err)
		}
	}
	return nil
}

func toFile(f *store.FileInfo) *file {
	if f == nil {
		return nil
	}
	return &file{f.ID.String(), f.Name, int64(f.Size), f.Type, int64(f.Width), int64(f.Height), f.HasThumbnail}
}

func (f *file) info() (*store.FileInfo, error) {
	if f == nil {
		return nil, nil
	}
	id, err := ids.ParseFile(f.ID)
	return &store.FileInfo{
		ID: id, Name: f.Name, Size: uint32(f.Size), Type: f.Type, Width: uint32(f.Width), Height: uint32(f.Height), HasThumbnail: f.HasThumbnail,
	}, err
}

func (d *fileDocument) decode() (*store.File, error) {
	info, err := d.Info.info()
	if err != nil {
		return nil, err
	}
	f := &store.File{FileInfo: *info, State: store.FileState(d.State), Nonce: d.Nonce, ChangedAt: d.ChangedAt}
	if d.RoomID != "" {
		if f.Room, err = ids.ParseRoom(d.RoomID); err != nil {
			return nil, err
		}
	}
	f.User, err = ids.ParseUser(d.UserID)
	return f, err
}

func notDiscarded() bson.E {
	return bson.E{Key: "state", Value: bson.D{{Key: "$lt", Value: int64(store.FileDiscarded)}}}
}

func inState(states ...store.FileState) bson.E {
	var values bson.A
	for _, s := range states {
		values = append(values, int64(s))
	}
	return bson.E{Key: "state", Value: bson.D{{Key: "$in", Value: values}}}
}

// CreateFile keeps a file that is begun. ErrQuota: its owner's files, with it, have more than quota bytes; 0: any number. Of
// two at the very same time each sees the other: both may be refused where one would have had room, but no quota is exceeded.
func (s *Store) CreateFile(ctx context.Context, f *store.File, quota int64) error {
	const op = "files.Create"
	if err := s.checkQuota(ctx, f.User, int64(f.Size), quota); err != nil {
		return err
	}
	d := &fileDocument{Info: *toFile(&f.FileInfo), UserID: f.User.String(), State: int64(store.FileBegun), ChangedAt: f.ChangedAt}
	if !f.Room.IsZero() {
		d.RoomID = f.Room.String()
	}
	if _, err := s.files.InsertOne(ctx, d); err != nil {
		return pkgmongo.MapErr(op, err)
	}
	err := s.checkQuota(ctx, f.User, 0, quota)
	if err != nil {
		// When this fails too, it is garbage a day later.
		_, _ = s.files.DeleteOne(context.WithoutCancel(ctx), bson.D{{Key: "_id", Value: f.ID.String()}})
	}
	return err
}

// checkQuota is ErrQuota if a user's files and more bytes are more than the quota.
func (s *Store) checkQuota(ctx context.Context, user ids.User, more, quota int64) error {
	if quota <= 0 {
		return nil
	}
	const op = "files.Quota"
	cursor, err := s.files.Aggregate(ctx, mongo.Pipeline{
		{{Key: "$match", Value: bson.D{{Key: "userId", Value: user.String()}, notDiscarded()}}},
		{{Key: "$group", Value: bson.D{{Key: "_id", Value: nil}, {Key: "bytes", Value: bson.D{{Key: "$sum", Value: "$size"}}}}}},
	})
	if err != nil {
		return pkgmongo.MapErr(op, err)
	}
	var sums []struct {
		Bytes int64 `bson:"bytes"`
	}
	if err := cursor.All(ctx, &sums); err != nil {
		return pkgmongo.MapErr(op, err)
	}
	for _, sum := range sums {
		more += sum.Bytes
	}
	if more > quota {
		return store.ErrQuota
	}
	return nil
}

// FinishFile makes a file that its user began ready (public: attached), with the size, type and picture of f. NotFound: they
// began none, or it was discarded.
func (s *Store) FinishFile(ctx context.Context, f *store.File) error {
	const op = "files.Finish"
	for state, room := range map[store.FileState]bson.D{store.FileReady: {{Key: "$exists", Value: true}}, store.FileAttached: {{Key: "$exists", Value: false}}} {
		result, err := s.files.UpdateOne(ctx,
			bson.D{{Key: "_id", Value: f.ID.String()}, {Key: "userId", Value: f.User.String()}, inState(store.FileBegun), {Key: "roomId", Value: room}},
			bson.D{{Key: "$set", Value: bson.D{
				{Key: "size", Value: int64(f.Size)}, {Key: "type", Value: f.Type}, {Key: "width", Value: int64(f.Width)}, {Key: "height", Value: int64(f.Height)},
				{Key: "hasThumbnail", Value: f.HasThumbnail}, {Key: "state", Value: int64(state)}, {Key: "changedAt", Value: f.ChangedAt},
			}}})
		if err != nil || result.MatchedCount > 0 {
			return pkgmongo.MapErr(op, err)
		}
	}
	return fault.E(fault.NotFound, op, mongo.ErrNoDocuments)
}

// Files returns what is known of files, whatever their state; who is not known is left out.
func (s *Store) Files(ctx context.Context, list []ids.File) (map[ids.File]*store.File, error) {
	found := make(map[ids.File]*store.File, len(list))
	if len(list) == 0 {
		return found, nil
	}
	files, err := s.findFiles(ctx, "files.Get", bson.D{byIDs(list)}, options.Find())
	for _, f := range files {
		found[f.ID] = f
	}
	return found, err
}

// byIDs matches some files; a single one in the only way that emulations of MongoDB do not scan for.
func byIDs(list []ids.File) bson.E {
	if len(list) == 1 {
		return bson.E{Key: "_id", Value: list[0].String()}
	}
	var texts bson.A
	for _, id := range list {
		texts = append(texts, id.String())
	}
	return bson.E{Key: "_id", Value: bson.D{{Key: "$in", Value: texts}}}
}

func (s *Store) findFiles(ctx context.Context, op string, filter bson.D, opts *options.FindOptionsBuilder) (files []*store.File, err error) {
	cursor, err := s.files.Find(ctx, filter, opts)
	if err != nil {
		return nil, pkgmongo.MapErr(op, err)
	}
	var docs []fileDocument
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, pkgmongo.MapErr(op, err)
	}
	for i := range docs {
		f, err := docs[i].decode()
		if err != nil {
			return nil, fault.E(fault.Internal, op, fmt.Errorf("file %s: %w", docs[i].Info.ID, err))
		}
		files = append(files, f)
	}
	return files, nil
}

// ClaimFiles takes files for messages, and returns the claims that came to nothing: the file is not its claimer's, in that
// room, and ready. A message that has a file may claim it again.
func (s *Store) ClaimFiles(ctx context.Context, claims []store.Claim, now int64) (lost []store.Claim, err error) {
	for _, c := range claims {
		result, err := s.files.UpdateOne(ctx, bson.D{
			{Key: "_id", Value: c.File.String()}, {Key: "userId", Value: c.By.User.String()}, {Key: "roomId", Value: c.By.Room.String()},
			{Key: "$or", Value: bson.A{bson.D{inState(store.FileReady)}, bson.D{inState(store.FileClaimed), {Key: "nonce", Value: c.By.Nonce}}}},
		}, bson.D{{Key: "$set", Value: bson.D{
			{Key: "state", Value: int64(store.FileClaimed)}, {Key: "nonce", Value: c.By.Nonce}, {Key: "changedAt", Value: now},
		}}})
		if err != nil {
			return nil, pkgmongo.MapErr("files.Claim", err)
		}
		if result.MatchedCount == 0 {
			lost = append(lost, c)
		}
	}
	return lost, nil
}

// SettleFile says that the log has the message that claimed a file.
func (s *Store) SettleFile(ctx context.Context, id ids.File) error {
	_, err := s.files.UpdateOne(ctx, bson.D{{Key: "_id", Value: id.String()}, inState(store.FileClaimed)},
		bson.D{{Key: "$set", Value: bson.D{{Key: "state", Value: int64(store.FileAttached)}}}})
	return pkgmongo.MapErr("files.Settle", err)
}

// DiscardFile makes a file garbage.
func (s *Store) DiscardFile(ctx context.Context, id ids.File, now int64) error {
	return pkgmongo.MapErr("files.Discard", s.discard(ctx, bson.D{{Key: "_id", Value: id.String()}, notDiscarded()}, now))
}

// DiscardUnsent makes a file garbage that its user has not sent, and reports whether there was one.
func (s *Store) DiscardUnsent(ctx context.Context, id ids.File, user ids.User, now int64) (was bool, err error) {
	result, err := s.files.UpdateOne(ctx, bson.D{
		{Key: "_id", Value: id.String()}, {Key: "userId", Value: user.String()},
		{Key: "$or", Value: bson.A{
			bson.D{inState(store.FileBegun, store.FileReady)},
			bson.D{inState(store.FileAttached), {Key: "roomId", Value: bson.D{{Key: "$exists", Value: false}}}},
		}},
	}, discarding(now))
	return err == nil && result.MatchedCount > 0, pkgmongo.MapErr("files.DiscardUnsent", err)
}

// ExpireFiles makes files garbage that came to be begun, or ready, before a time.
func (s *Store) ExpireFiles(ctx context.Context, before, now int64) error {
	return pkgmongo.MapErr("files.Expire", s.discard(ctx, bson.D{
		inState(store.FileBegun, store.FileReady), {Key: "changedAt", Value: bson.D{{Key: "$lt", Value: before}}},
	}, now))
}

// discard makes garbage of what matches.
func (s *Store) discard(ctx context.Context, filter bson.D, now int64) error {
	_, err := s.files.UpdateMany(ctx, filter, discarding(now))
	return err
}

func discarding(now int64) bson.D {
	return bson.D{{Key: "$set", Value: bson.D{{Key: "state", Value: int64(store.FileDiscarded)}, {Key: "changedAt", Value: now}}}}
}

// discardDeleted discards the files of those messages that were deleted. What a reader sees of them has no file any more:
// their documents do.
func (s *Store) discardDeleted(ctx context.Context, messages map[store.Ref]*store.Message) error {
	for ref, m := range messages {
		if m.DeletedSeq == 0 {
			continue
		}
		stored, err := s.find(ctx, bson.D{{Key: "_id", Value: documentID(ref.Room, ref.Seq)}}, options.Find())
		if err != nil {
			return err
		}
		for _, was := range stored {
			if was.Event.File == nil {
				continue
			}
			if err := s.DiscardFile(ctx, was.Event.File.ID, m.UpdatedAt); err != nil {
				return err
			}
		}
	}
	return nil
}

// FilesIn returns up to limit files that came to a state before a time, the first ones first.
func (s *Store) FilesIn(ctx context.Context, state store.FileState, before int64, limit int) ([]*store.File, error) {
	return s.findFiles(ctx, "files.In", bson.D{inState(state), {Key: "changedAt", Value: bson.D{{Key: "$lt", Value: before}}}},
		options.Find().SetSort(bson.D{{Key: "changedAt", Value: 1}}).SetLimit(int64(limit)))
}

// ForgetFiles forgets garbage. What is none stays.
func (s *Store) ForgetFiles(ctx context.Context, list []ids.File) error {
	if len(list) == 0 {
		return nil
	}
	_, err := s.files.DeleteMany(ctx, bson.D{byIDs(list), inState(store.FileDiscarded)})
	return pkgmongo.MapErr("files.Forget", err)
}
