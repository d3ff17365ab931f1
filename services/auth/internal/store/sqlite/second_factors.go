package sqlite

import (
	"context"
	"database/sql"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

// SecondFactor implements store.SecondFactors.
func (s *Store) SecondFactor(ctx context.Context, id ids.User) (f store.SecondFactor, err error) {
	err = s.db.Read().QueryRowContext(ctx, "SELECT sealed, confirmed, last_step FROM second_factors WHERE user_id = ?", id).
		Scan(&f.Sealed, &f.IsConfirmed, &f.LastStep)
	return f, sqlite.MapErr("auth.SecondFactor", err)
}

// OfferSecondFactor implements store.SecondFactors.
func (s *Store) OfferSecondFactor(ctx context.Context, id ids.User, by ids.Session, sealed []byte) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		if err := checkSession(ctx, tx, by); err != nil {
			return err
		}
		offered, err := tx.ExecContext(ctx, `INSERT INTO second_factors (user_id, sealed, confirmed, last_step) VALUES (?, ?, false, 0)
			ON CONFLICT (user_id) DO UPDATE SET sealed = excluded.sealed WHERE NOT second_factors.confirmed`, id, sealed)
		return one(offered, err, store.ErrHasSecondFactor)
	})
}

// ConfirmSecondFactor implements store.SecondFactors.
func (s *Store) ConfirmSecondFactor(ctx context.Context, id ids.User, sealed []byte, step int64, recovery [][]byte) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		confirmed, err := tx.ExecContext(ctx, `UPDATE second_factors SET confirmed = true, last_step = ?
			WHERE user_id = ? AND sealed = ? AND NOT confirmed`, step, id, sealed)
		if err := one(confirmed, err, fault.E(fault.Conflict, "auth.ConfirmSecondFactor", sql.ErrNoRows)); err != nil {
			return err
		}
		return setRecoveryCodes(ctx, tx, id, recovery)
	})
}

// UseStep implements store.SecondFactors.
func (s *Store) UseStep(ctx context.Context, id ids.User, step int64) error {
	return s.exec(ctx, fault.E(fault.Conflict, "auth.UseStep", sql.ErrNoRows),
		"UPDATE second_factors SET last_step = ? WHERE user_id = ? AND confirmed AND last_step < ?", step, id, step)
}

// UseRecoveryCode implements store.SecondFactors.
func (s *Store) UseRecoveryCode(ctx context.Context, id ids.User, hash []byte) error {
	return s.exec(ctx, sql.ErrNoRows, "DELETE FROM recovery_codes WHERE user_id = ? AND hash = ?", id, hash)
}

// SetRecoveryCodes implements store.SecondFactors.
func (s *Store) SetRecoveryCodes(ctx context.Context, id ids.User, recovery [][]byte) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error { return setRecoveryCodes(ctx, tx, id, recovery) })
}

func setRecoveryCodes(ctx context.Context, tx *sql.Tx, id ids.User, recovery [][]byte) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM recovery_codes WHERE user_id = ?", id); err != nil {
		return err
	}
	for _, hash := range recovery {
		if _, err := tx.ExecContext(ctx, "INSERT INTO recovery_codes (user_id, hash) VALUES (?, ?)", id, hash); err != nil {
			return err
		}
	}
	return nil
}

// DropSecondFactor implements store.SecondFactors.
func (s *Store) DropSecondFactor(ctx context.Context, id ids.User) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		if err := setRecoveryCodes(ctx, tx, id, nil); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM second_factors WHERE user_id = ?", id)
		return err
	})
}
