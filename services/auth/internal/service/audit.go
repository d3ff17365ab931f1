package service

import (
	"context"
	"time"

	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/services/auth/internal/audit"
)

// auditTimeout bounds the time an event may take to be stored.
const auditTimeout = 5 * time.Second

// audit appends a security event, at once and even when the request has been given up: what happened has happened. A
// failure is logged, and the request goes on. The time and the address are filled in, and so is the actor when the
// request has a caller.
func (s *Service) audit(ctx context.Context, e audit.Event) {
	e.At, e.Address = time.Now().UTC().Truncate(time.Millisecond), rpc.ClientOf(ctx).Address
	if caller, err := rpc.Caller(ctx); err == nil && e.Actor.IsZero() {
		e.Actor = caller.User
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditTimeout)
	defer cancel()
	if err := s.store.AppendAudit(ctx, e); err != nil {
		s.log.Error("security event not stored", "kind", e.Kind, "error", err)
	}
}
