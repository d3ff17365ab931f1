package service

import (
	"context"
	"fmt"

	"github.com/natter-chat/natter/pkg/ids"
)

// resealAtOnce is how many secrets are read at a time.
const resealAtOnce = 500

// Reseal encrypts anew what is still encrypted under the old secret key, signing keys apart, which see to themselves. An
// instance that has an old key does it before it serves; the last of them to start leaves nothing behind.
func (s *Service) Reseal(ctx context.Context) error {
	page, err := s.store.SealedSecondFactors(ctx, ids.User{}, resealAtOnce)
	for ; err == nil && len(page) > 0; page, err = s.store.SealedSecondFactors(ctx, page[len(page)-1].User, resealAtOnce) {
		for _, f := range page {
			label := f.User.String()
			plain, isOld, err := s.secondFactors.Open(f.Sealed, label)
			if err != nil || !isOld { // one that cannot be read now could not be before
				continue
			}
			if err := s.store.ResealSecondFactor(ctx, f, s.secondFactors.Seal(plain, label)); err != nil {
				return fmt.Errorf("encrypt second factors anew: %w", err)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("encrypt second factors anew: %w", err)
	}
	return nil
}
