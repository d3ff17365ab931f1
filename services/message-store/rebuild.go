package messagestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/natter-chat/natter/pkg/app"
	"github.com/natter-chat/natter/services/message-store/internal/search"
)

// progressEvery is how often a rebuild says how far it is.
const progressEvery = time.Second

// rebuildSearch makes the search index anew. It works on the databases; instances that run may go on.
func rebuildSearch(ctx context.Context, d *app.Deps, stdout io.Writer) (err error) {
	var cfg Config
	if err := d.Config.Load(&cfg); err != nil {
		return err
	}
	if cfg.MongoURL == "" { // opening it would make it
		if _, err := os.Stat(filepath.Join(cfg.DataDir, messagesFile)); err != nil {
			return fmt.Errorf("NATTER_DATA_DIR: there are no messages: %w", err)
		}
	}
	db, err := openDatabase(ctx, cfg, nil, d.Log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	x, err := search.NewIndexer(db, db.index, d.Log, d.Metrics)
	if err != nil {
		return err
	}
	began, said := time.Now(), time.Time{}
	var indexed int
	if err := x.Rebuild(ctx, func(events, of int) {
		if indexed = events; time.Since(said) < progressEvery {
			return
		}
		said = time.Now()
		_, _ = fmt.Fprintf(stdout, "%d of %d events, %d %%\n", events, of, events*100/max(of, 1)) //nolint:mnd // percent
	}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "The search index is made anew: %d events in %v.\n", indexed, time.Since(began).Round(time.Millisecond))
	return err
}
