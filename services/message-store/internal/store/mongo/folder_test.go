package mongo

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/natter-chat/natter/pkg/testkit"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/store/storetest"
)

func openHere(t *testing.T, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, "test", nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeHere(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// awaitFolded waits until nothing is unfolded.
func awaitFolded(t *testing.T, s *Store) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		n, err := s.events.CountDocuments(t.Context(), bson.D{{Key: "unfolded", Value: true}})
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d events are still unfolded", n)
		}
	}
}

func raw(t *testing.T, s *Store, e *store.Event) bson.M {
	t.Helper()
	var d bson.M
	if err := s.events.FindOne(t.Context(), bson.D{{Key: "_id", Value: documentID(e.Room, e.Seq)}}).Decode(&d); err != nil {
		t.Fatal(err)
	}
	return d
}

// What the folder leaves in the documents: the fields that others may read there.
func TestFolderWritesMessages(t *testing.T) {
	t.Parallel()
	s := openHere(t, testkit.Mongo(t))
	defer closeHere(t, s)
	w := storetest.NewWriter()
	kept, gone := w.Post(0, "v1"), w.Post(0, "secret")
	edit := w.Edit(0, gone, "secret too")
	w.Edit(0, kept, "v2")
	w.React(1, kept, "👍", false)
	w.Store(t, s)
	w.Delete(1, gone)
	w.Store(t, s)
	awaitFolded(t, s)

	d := raw(t, s, kept)
	for field, want := range map[string]any{
		"roomId": w.Room.String(), "userId": w.Users[0].String(), "username": "user 0", "type": "text",
		"content": "v2", "original": "v1", "isEdited": true,
	} {
		if d[field] != want {
			t.Errorf("%s = %v, want %v", field, d[field], want)
		}
	}
	if d["createdAt"] == d["updatedAt"] || d["editedAt"] == nil {
		t.Errorf("times: created %v, edited %v, updated %v", d["createdAt"], d["editedAt"], d["updatedAt"])
	}
	for _, e := range []*store.Event{gone, edit} {
		if d := raw(t, s, e); d["content"] != nil && d["content"] != "" || d["original"] != nil {
			t.Errorf("content of a deleted message is still in %v", d)
		}
	}
}

// A process that ends between commit and fold leaves it to the next one.
func TestNextProcessFoldsWhatWasLeft(t *testing.T) {
	t.Parallel()
	url := testkit.Mongo(t)
	first := openHere(t, url)
	first.folder.close() // it dies before it folds
	w := storetest.NewWriter()
	m := w.Post(0, "v1")
	w.Edit(0, m, "v2")
	w.Store(t, first)
	if d := raw(t, first, m); d["content"] != "v1" {
		t.Fatalf("folded already: %v", d)
	}
	if page, err := first.MessagesBefore(t.Context(), w.Room, 9, 9); err != nil || page.Messages[0].Text() != "v2" {
		t.Errorf("a reader does not see what is unfolded: %v", err)
	}
	second := openHere(t, url)
	defer closeHere(t, second)
	awaitFolded(t, second)
	if d := raw(t, second, m); d["content"] != "v2" {
		t.Errorf("after the sweep: %v", d)
	}
	closeHere(t, first)
}

// A folder that comes late, with an older view, changes nothing.
func TestFoldOnlyMovesForward(t *testing.T) {
	t.Parallel()
	s := openHere(t, testkit.Mongo(t))
	defer closeHere(t, s)
	w := storetest.NewWriter()
	m := w.Post(0, "v1")
	w.Edit(0, m, "v2")
	w.Store(t, s)
	awaitFolded(t, s)
	old := &store.Message{Event: m} // the view of a folder that read before the edit
	result, err := s.events.UpdateOne(t.Context(), guarded(old), foldUpdate(old))
	if err != nil || result.MatchedCount != 0 {
		t.Errorf("an old fold matched %+v, %v", result, err)
	}
}

// On a real MongoDB every query uses an index.
func TestQueryPlansUseAnIndex(t *testing.T) {
	t.Parallel()
	if !testkit.RealMongo() {
		t.Skip("needs the planner of a real MongoDB: set NATTER_TEST_MONGODB_URL")
	}
	s := openHere(t, testkit.Mongo(t))
	defer closeHere(t, s)
	w := storetest.NewWriter()
	w.Edit(0, w.Post(0, "v1"), "v2")
	w.Store(t, s)
	id := documentID(w.Room, 1)
	for name, filter := range map[string]bson.D{
		"range":   {{Key: "_id", Value: roomRange(w.Room, 0, beyond)}, {Key: "kind", Value: "message"}},
		"targets": {{Key: "_id", Value: bson.D{{Key: "$in", Value: bson.A{id}}}}},
		"nonces": {{Key: "$or", Value: bson.A{
			bson.D{{Key: "roomId", Value: w.Room.String()}, {Key: "userId", Value: w.Users[0].String()}, {Key: "nonce", Value: "a"}},
			bson.D{{Key: "roomId", Value: w.Room.String()}, {Key: "userId", Value: w.Users[1].String()}, {Key: "nonce", Value: "b"}},
		}}},
		"unfolded": unfoldedFilter(w.Room, 9),
		"called":   {{Key: "called", Value: bson.D{{Key: "$in", Value: bson.A{"a", "b"}}}}, {Key: "roomId", Value: w.Room.String()}},
		"sweep":    {{Key: "unfolded", Value: true}},
	} {
		var plan bson.M
		if err := s.db.RunCommand(t.Context(), bson.D{{Key: "explain", Value: bson.D{
			{Key: "find", Value: s.events.Name()}, {Key: "filter", Value: filter},
		}}, {Key: "verbosity", Value: "queryPlanner"}}).Decode(&plan); err != nil {
			t.Fatal(err)
		}
		winner, _ := bson.MarshalExtJSON(plan["queryPlanner"].(bson.M)["winningPlan"], false, false)
		if strings.Contains(string(winner), `"COLLSCAN"`) {
			t.Errorf("%s: %s", name, winner)
		}
	}
}

// A room is purged while its mutations and replies are folded behind the commit: the folder brings nothing back.
func TestPurgeRacesTheFolder(t *testing.T) {
	t.Parallel()
	s := openHere(t, testkit.Mongo(t))
	defer closeHere(t, s)
	for range 10 {
		w := storetest.NewWriter()
		for user := range 2 {
			w.Event(store.KindMemberJoined, user, func(e *store.Event) { e.Member = &store.Member{User: w.Users[user]} })
		}
		m := w.Post(0, "secret")
		w.Store(t, s)
		for i := range uint32(5) {
			w.Edit(0, m, "secret")
			w.Reply(1, m, i+1, "secret")
		}
		w.Event(store.KindRoomUpdated, 0, func(e *store.Event) { e.Info = &store.RoomInfo{IsDeleted: true} })
		w.Store(t, s)
		if err := s.Purge(t.Context(), w.Room); err != nil {
			t.Fatal(err)
		}
		if err := s.folder.foldRoom(t.Context(), w.Room); err != nil { // what the folder was at is done
			t.Fatal(err)
		}
		if d := raw(t, s, m); d["content"] != nil || d["original"] != nil {
			t.Errorf("a purged message is %v", d)
		}
		markers, err := s.Markers(t.Context(), []store.Reader{{User: w.Users[0], Room: w.Room, Thread: m.Seq}, {User: w.Users[1], Room: w.Room, Thread: m.Seq}})
		if err != nil || len(markers) > 0 {
			t.Errorf("the thread is followed: %v, %v", markers, err)
		}
	}
}
