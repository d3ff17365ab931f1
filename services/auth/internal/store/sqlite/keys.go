package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/natter-chat/natter/services/auth/internal/store"
)

const (
	keyColumns = "generation, kid, public, sealed, created_at, signs_from"
	allKeys    = "SELECT " + keyColumns + " FROM signing_keys ORDER BY generation DESC /* scan: all of a handful */"
)

func scanKey(scan func(...any) error) (k store.SigningKey, err error) {
	var created int64
	var signs sql.NullInt64
	err = scan(&k.Generation, &k.KeyID, &k.Public, &k.Sealed, &created, &signs)
	k.CreatedAt = time.UnixMilli(created).UTC()
	if signs.Valid {
		k.SignsFrom = time.UnixMilli(signs.Int64).UTC()
	}
	return k, err
}

// SigningKeys implements store.Keys.
func (s *Store) SigningKeys(ctx context.Context) ([]store.SigningKey, error) {
	rows, err := s.db.Read().QueryContext(ctx, allKeys)
	return collect("auth.SigningKeys", rows, err, scanKey)
}

// UpdateSigningKeys implements store.Keys. Transactions that write hold the file's lock from their beginning.
func (s *Store) UpdateSigningKeys(ctx context.Context, change func([]store.SigningKey) []store.SigningKey) (keys []store.SigningKey, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, allKeys)
		stored, err := collect("auth.UpdateSigningKeys", rows, err, scanKey)
		if err != nil {
			return err
		}
		keys = change(stored)
		if _, err := tx.ExecContext(ctx, "DELETE FROM signing_keys /* scan: all of a handful */"); err != nil {
			return err
		}
		for _, k := range keys {
			signs := sql.NullInt64{Int64: k.SignsFrom.UnixMilli(), Valid: !k.SignsFrom.IsZero()}
			if _, err := tx.ExecContext(ctx, "INSERT INTO signing_keys ("+keyColumns+") VALUES (?, ?, ?, ?, ?, ?)",
				k.Generation, k.KeyID, k.Public, k.Sealed, k.CreatedAt.UnixMilli(), signs); err != nil {
				return err
			}
		}
		return nil
	})
	return keys, err
}
