package messagestore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/natter-chat/natter/pkg/obs"
	"github.com/natter-chat/natter/services/message-store/internal/search"
	searchmongo "github.com/natter-chat/natter/services/message-store/internal/search/mongo"
	searchsqlite "github.com/natter-chat/natter/services/message-store/internal/search/sqlite"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/store/mongo"
	"github.com/natter-chat/natter/services/message-store/internal/store/sqlite"
)

// mongoLanes is how many commits run at a time: they spend their time waiting for the journal. SQLite has one writer.
const mongoLanes, sqliteLanes = 4, 1

// The files in NATTER_DATA_DIR.
const messagesFile, searchFile = "messages.db", "search.db"

// database is the log, and the search index beside it.
type database struct {
	engine
	meta  store.Meta
	index search.Index
	// name is for /readyz.
	name  string
	lanes int
}

// openDatabase opens MongoDB when it has a URL, else SQLite. Watch, if not nil, sees the commands to MongoDB.
func openDatabase(ctx context.Context, cfg Config, watch *obs.Database, log *slog.Logger) (*database, error) {
	if cfg.MongoURL != "" {
		db, err := mongo.Open(ctx, cfg.MongoURL, "natter-"+name, watch, log)
		if err != nil {
			return nil, fmt.Errorf("NATTER_MONGODB_URL: %w", err)
		}
		return (&database{engine: db, name: "messages-mongodb", lanes: mongoLanes}).open(ctx, func(epoch string) (search.Index, error) {
			return searchmongo.Open(ctx, db.Database(), epoch)
		})
	}
	db, err := sqlite.Open(ctx, filepath.Join(cfg.DataDir, messagesFile))
	if err != nil {
		return nil, fmt.Errorf("NATTER_DATA_DIR: %w", err)
	}
	return (&database{engine: db, name: "messages-sqlite", lanes: sqliteLanes}).open(ctx, func(epoch string) (search.Index, error) {
		return searchsqlite.Open(ctx, filepath.Join(cfg.DataDir, searchFile), epoch, log)
	})
}

// open reads what is made once and opens the index of this log; on an error it closes the log.
func (db *database) open(ctx context.Context, index func(epoch string) (search.Index, error)) (*database, error) {
	var err error
	if db.meta, err = db.Meta(ctx); err == nil {
		db.index, err = index(db.meta.Epoch)
	}
	if err != nil {
		return nil, errors.Join(err, db.engine.Close())
	}
	return db, nil
}

// Close closes both. No other method may be running.
func (db *database) Close() error { return errors.Join(db.index.Close(), db.engine.Close()) }
