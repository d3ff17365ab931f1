package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

// SealedSecondFactors implements store.Reseal.
func (s *Store) SealedSecondFactors(ctx context.Context, after ids.User, limit int) ([]store.SealedSecondFactor, error) {
	rows, _ := s.pool.Query(ctx, "SELECT user_id, sealed FROM second_factors WHERE user_id > $1 ORDER BY user_id LIMIT $2", after, limit)
	page, err := pgx.CollectRows(rows, pgx.RowToStructByPos[store.SealedSecondFactor])
	return page, postgres.MapErr("auth.SealedSecondFactors", err)
}

// ResealSecondFactor implements store.Reseal.
func (s *Store) ResealSecondFactor(ctx context.Context, before store.SealedSecondFactor, sealed []byte) error {
	_, err := s.pool.Exec(ctx, "UPDATE second_factors SET sealed = $1 WHERE user_id = $2 AND sealed = $3", sealed, before.User, before.Sealed)
	return postgres.MapErr("auth.ResealSecondFactor", err)
}
