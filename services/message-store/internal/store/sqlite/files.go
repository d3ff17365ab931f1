package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

const fileColumns = "id, user_id, room, name, size, type, width, height, thumbnail, state, nonce, changed_at"

// The numbers are those of store.FileState.
const (
	sqlQuota      = "SELECT coalesce(sum(size), 0) FROM files WHERE user_id = ? AND state < 5"
	sqlCreateFile = "INSERT INTO files (" + fileColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	sqlFinishFile = "UPDATE files SET size = ?, type = ?, width = ?, height = ?, thumbnail = ?, changed_at = ?, " +
		"state = iif(room IS NULL, 4, 2) WHERE id = ? AND user_id = ? AND state = 1"
	sqlFile = "SELECT " + fileColumns + " FROM files WHERE id = ?"
	// A claim may be repeated by the message that has it.
	sqlClaim = "UPDATE files SET state = 3, nonce = ?1, changed_at = ?2 WHERE id = ?3 AND user_id = ?4 AND room = ?5 " +
		"AND (state = 2 OR state = 3 AND nonce = ?1)"
	sqlSettle      = "UPDATE files SET state = 4 WHERE id = ? AND state = 3"
	sqlDiscard     = "UPDATE files SET state = 5, changed_at = ? WHERE id = ? AND state < 5"
	sqlDiscardRoom = "UPDATE files SET state = 5, changed_at = ? WHERE room = ? AND state < 5"
	sqlUnsent      = "UPDATE files SET state = 5, changed_at = ? WHERE id = ? AND user_id = ? AND (state IN (1, 2) OR state = 4 AND room IS NULL)"
	sqlExpire      = "UPDATE files SET state = 5, changed_at = ?1 WHERE state IN (1, 2) AND changed_at < ?2"
	sqlInState     = "SELECT " + fileColumns + " FROM files WHERE state = ? AND changed_at < ? ORDER BY changed_at LIMIT ?"
	sqlForget      = "DELETE FROM files WHERE id = ? AND state = 5"
)

// CreateFile keeps a file that is begun. ErrQuota: its owner's files, with it, have more than quota bytes; 0: any number.
func (s *Store) CreateFile(ctx context.Context, f *store.File, quota int64) error {
	full := false
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		var used int64
		if err := tx.QueryRowContext(ctx, sqlQuota, f.User[:]).Scan(&used); err != nil {
			return err
		}
		if full = quota > 0 && used+int64(f.Size) > quota; full {
			return store.ErrQuota
		}
		_, err := tx.ExecContext(ctx, sqlCreateFile, f.ID[:], f.User[:], roomOrNull(f.Room), f.Name, int64(f.Size), f.Type,
			int64(f.Width), int64(f.Height), f.HasThumbnail, int64(store.FileBegun), "", f.ChangedAt)
		return err
	})
	if full {
		return store.ErrQuota
	}
	return sqlite.MapErr("files.Create", err)
}

func roomOrNull(room ids.Room) any {
	if room.IsZero() {
		return nil
	}
	return room[:]
}

// FinishFile makes a file that its user began ready (public: attached), with the size, type and picture of f. NotFound: they
// began none, or it was discarded.
func (s *Store) FinishFile(ctx context.Context, f *store.File) error {
	const op = "files.Finish"
	return sqlite.MapErr(op, s.db.Write(ctx, func(tx *sql.Tx) error {
		n, err := affected(tx.ExecContext(ctx, sqlFinishFile, int64(f.Size), f.Type, int64(f.Width), int64(f.Height), f.HasThumbnail, f.ChangedAt,
			f.ID[:], f.User[:]))
		if err == nil && n == 0 {
			return fault.E(fault.NotFound, op, sql.ErrNoRows)
		}
		return err
	}))
}

// Files returns what is known of files, whatever their state; who is not known is left out.
func (s *Store) Files(ctx context.Context, list []ids.File) (map[ids.File]*store.File, error) {
	found := make(map[ids.File]*store.File, len(list))
	for _, id := range list {
		rows, err := s.db.Read().QueryContext(ctx, sqlFile, id[:])
		if err != nil {
			return nil, sqlite.MapErr("files.Get", err)
		}
		files, err := collectFiles(rows)
		if err != nil {
			return nil, sqlite.MapErr("files.Get", err)
		}
		for _, f := range files {
			found[f.ID] = f
		}
	}
	return found, nil
}

// ClaimFiles takes files for messages, and returns the claims that came to nothing: the file is not its claimer's, in that
// room, and ready. A message that has a file may claim it again.
func (s *Store) ClaimFiles(ctx context.Context, claims []store.Claim, now int64) (lost []store.Claim, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		for _, c := range claims {
			n, err := affected(tx.ExecContext(ctx, sqlClaim, c.By.Nonce, now, c.File[:], c.By.User[:], c.By.Room[:]))
			if err != nil {
				return err
			}
			if n == 0 {
				lost = append(lost, c)
			}
		}
		return nil
	})
	return lost, sqlite.MapErr("files.Claim", err)
}

// SettleFile says that the log has the message that claimed a file.
func (s *Store) SettleFile(ctx context.Context, id ids.File) error {
	return s.exec(ctx, "files.Settle", sqlSettle, id[:])
}

// DiscardFile makes a file garbage.
func (s *Store) DiscardFile(ctx context.Context, id ids.File, now int64) error {
	return s.exec(ctx, "files.Discard", sqlDiscard, now, id[:])
}

// DiscardUnsent makes a file garbage that its user has not sent, and reports whether there was one.
func (s *Store) DiscardUnsent(ctx context.Context, id ids.File, user ids.User, now int64) (was bool, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		n, err := affected(tx.ExecContext(ctx, sqlUnsent, now, id[:], user[:]))
		was = n > 0
		return err
	})
	return was, sqlite.MapErr("files.DiscardUnsent", err)
}

// ExpireFiles makes files garbage that came to be begun, or ready, before a time.
func (s *Store) ExpireFiles(ctx context.Context, before, now int64) error {
	return s.exec(ctx, "files.Expire", sqlExpire, now, before)
}

// FilesIn returns up to limit files that came to a state before a time, the first ones first.
func (s *Store) FilesIn(ctx context.Context, state store.FileState, before int64, limit int) ([]*store.File, error) {
	rows, err := s.db.Read().QueryContext(ctx, sqlInState, int64(state), before, limit)
	if err != nil {
		return nil, sqlite.MapErr("files.In", err)
	}
	files, err := collectFiles(rows)
	return files, sqlite.MapErr("files.In", err)
}

// ForgetFiles forgets garbage. What is none stays.
func (s *Store) ForgetFiles(ctx context.Context, list []ids.File) error {
	return sqlite.MapErr("files.Forget", s.db.Write(ctx, func(tx *sql.Tx) error {
		for _, id := range list {
			if _, err := tx.ExecContext(ctx, sqlForget, id[:]); err != nil {
				return err
			}
		}
		return nil
	}))
}

// discardFile is DiscardFile in the transaction of an append.
func discardFile(ctx context.Context, tx *sql.Tx, id ids.File, now int64) error {
	_, err := tx.ExecContext(ctx, sqlDiscard, now, id[:])
	return err
}

// exec runs one statement in a transaction of its own.
func (s *Store) exec(ctx context.Context, op, query string, args ...any) error {
	return sqlite.MapErr(op, s.db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	}))
}

// collectFiles reads rows of fileColumns.
func collectFiles(rows *sql.Rows) (files []*store.File, err error) {
	err = each(rows, func() error {
		f := &store.File{}
		var id, user, room sql.RawBytes
		err := rows.Scan(&id, &user, &room, &f.Name, &f.Size, &f.Type, &f.Width, &f.Height, &f.HasThumbnail, &f.State, &f.Nonce, &f.ChangedAt)
		if n := copy(f.ID[:], id) + copy(f.User[:], user); err == nil && n != len(f.ID)+len(f.User) {
			err = errors.New("a malformed id")
		}
		copy(f.Room[:], room)
		files = append(files, f)
		return err
	})
	return files, err
}
