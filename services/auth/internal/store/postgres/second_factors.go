package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

// SecondFactor implements store.SecondFactors.
func (s *Store) SecondFactor(ctx context.Context, id ids.User) (f store.SecondFactor, err error) {
	err = s.pool.QueryRow(ctx, "SELECT sealed, confirmed, last_step FROM second_factors WHERE user_id = $1", id).
		Scan(&f.Sealed, &f.IsConfirmed, &f.LastStep)
	return f, postgres.MapErr("auth.SecondFactor", err)
}

// OfferSecondFactor implements store.SecondFactors.
func (s *Store) OfferSecondFactor(ctx context.Context, id ids.User, by ids.Session, sealed []byte) error {
	return postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		if err := holdSession(ctx, tx, by); err != nil {
			return err
		}
		offered, err := tx.Exec(ctx, `INSERT INTO second_factors (user_id, sealed, confirmed, last_step) VALUES ($1, $2, false, 0)
			ON CONFLICT (user_id) DO UPDATE SET sealed = excluded.sealed WHERE NOT second_factors.confirmed`, id, sealed)
		return one(offered, err, store.ErrHasSecondFactor)
	})
}

// ConfirmSecondFactor implements store.SecondFactors.
func (s *Store) ConfirmSecondFactor(ctx context.Context, id ids.User, sealed []byte, step int64, recovery [][]byte) error {
	return postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		confirmed, err := tx.Exec(ctx, `UPDATE second_factors SET confirmed = true, last_step = $3
			WHERE user_id = $1 AND sealed = $2 AND NOT confirmed`, id, sealed, step)
		if err := one(confirmed, err, fault.E(fault.Conflict, "auth.ConfirmSecondFactor", pgx.ErrNoRows)); err != nil {
			return err
		}
		return setRecoveryCodes(ctx, tx, id, recovery)
	})
}

// UseStep implements store.SecondFactors.
func (s *Store) UseStep(ctx context.Context, id ids.User, step int64) error {
	return s.exec(ctx, "auth.UseStep", fault.E(fault.Conflict, "auth.UseStep", pgx.ErrNoRows),
		"UPDATE second_factors SET last_step = $2 WHERE user_id = $1 AND confirmed AND last_step < $2", id, step)
}

// UseRecoveryCode implements store.SecondFactors.
func (s *Store) UseRecoveryCode(ctx context.Context, id ids.User, hash []byte) error {
	return s.exec(ctx, "auth.UseRecoveryCode", pgx.ErrNoRows, "DELETE FROM recovery_codes WHERE user_id = $1 AND hash = $2", id, hash)
}

// SetRecoveryCodes implements store.SecondFactors.
func (s *Store) SetRecoveryCodes(ctx context.Context, id ids.User, recovery [][]byte) error {
	return postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error { return setRecoveryCodes(ctx, tx, id, recovery) })
}

func setRecoveryCodes(ctx context.Context, tx pgx.Tx, id ids.User, recovery [][]byte) error {
	if _, err := tx.Exec(ctx, "DELETE FROM recovery_codes WHERE user_id = $1", id); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "INSERT INTO recovery_codes (user_id, hash) SELECT $1, unnest($2::bytea[])", id, recovery)
	return err
}

// DropSecondFactor implements store.SecondFactors.
func (s *Store) DropSecondFactor(ctx context.Context, id ids.User) error {
	return postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		if err := setRecoveryCodes(ctx, tx, id, nil); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "DELETE FROM second_factors WHERE user_id = $1", id)
		return err
	})
}
