package sqlite

import (
	"context"
	"database/sql"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

// SealedSecondFactors implements store.Reseal.
func (s *Store) SealedSecondFactors(ctx context.Context, after ids.User, limit int) ([]store.SealedSecondFactor, error) {
	rows, err := s.db.Read().QueryContext(ctx, "SELECT user_id, sealed FROM second_factors WHERE user_id > ? ORDER BY user_id LIMIT ?", after, limit)
	return collect("auth.SealedSecondFactors", rows, err, func(scan func(...any) error) (f store.SealedSecondFactor, err error) {
		err = scan(&f.User, &f.Sealed)
		return f, err
	})
}

// ResealSecondFactor implements store.Reseal.
func (s *Store) ResealSecondFactor(ctx context.Context, before store.SealedSecondFactor, sealed []byte) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE second_factors SET sealed = ? WHERE user_id = ? AND sealed = ?", sealed, before.User, before.Sealed)
		return err
	})
}
