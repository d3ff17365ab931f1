package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

const (
	keyColumns = "generation, kid, public, sealed, created_at, signs_from"
	allKeys    = "SELECT " + keyColumns + " FROM signing_keys ORDER BY generation DESC /* scan: all of a handful */"
)

func scanKey(row pgx.CollectableRow) (k store.SigningKey, err error) {
	var signs *time.Time
	err = row.Scan(&k.Generation, &k.KeyID, &k.Public, &k.Sealed, &k.CreatedAt, &signs)
	k.CreatedAt = k.CreatedAt.UTC()
	if signs != nil {
		k.SignsFrom = signs.UTC()
	}
	return k, err
}

// SigningKeys implements store.Keys.
func (s *Store) SigningKeys(ctx context.Context) ([]store.SigningKey, error) {
	rows, _ := s.pool.Query(ctx, allKeys)
	keys, err := pgx.CollectRows(rows, scanKey)
	return keys, postgres.MapErr("auth.SigningKeys", err)
}

// UpdateSigningKeys implements store.Keys.
func (s *Store) UpdateSigningKeys(ctx context.Context, change func([]store.SigningKey) []store.SigningKey) (keys []store.SigningKey, err error) {
	err = postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		// The mode that keeps out itself and all that writes, but nobody who reads.
		if _, err := tx.Exec(ctx, "LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return err
		}
		rows, _ := tx.Query(ctx, allKeys)
		stored, err := pgx.CollectRows(rows, scanKey)
		if err != nil {
			return err
		}
		keys = change(stored)
		if _, err := tx.Exec(ctx, "DELETE FROM signing_keys /* scan: all of a handful */"); err != nil {
			return err
		}
		for _, k := range keys {
			var signs *time.Time
			if !k.SignsFrom.IsZero() {
				signs = &k.SignsFrom
			}
			if _, err := tx.Exec(ctx, "INSERT INTO signing_keys ("+keyColumns+") VALUES ($1, $2, $3, $4, $5, $6)",
				k.Generation, k.KeyID, k.Public, k.Sealed, k.CreatedAt, signs); err != nil {
				return err
			}
		}
		return nil
	})
	return keys, err
}
