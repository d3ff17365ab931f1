package service

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	"github.com/natter-chat/natter/services/auth/internal/audit"
	"github.com/natter-chat/natter/services/auth/internal/store"
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

// AuditConfig is the settings of the audit log.
type AuditConfig struct {
	Retention time.Duration `env:"NATTER_AUDIT_RETENTION" envDefault:"0" help:"how long security events are kept, such as 8760h for a year; 0: for good"`
}

// Check says what is wrong with the settings.
func (c AuditConfig) Check() error {
	if c.Retention < 0 {
		return fmt.Errorf("NATTER_AUDIT_RETENTION: %v is less than 0", c.Retention)
	}
	return nil
}

// forgetAudit removes events that are too old.
func (s *Service) forgetAudit(ctx context.Context) error {
	if s.auditing.Retention == 0 {
		return nil
	}
	before := now().Add(-s.auditing.Retention)
	for {
		if n, err := s.store.ForgetAudit(ctx, before, forgetAtOnce); err != nil || n < forgetAtOnce {
			return err
		}
	}
}

// ListAuditEvents returns a page of the log, newest first; for administrators.
func (s *Service) ListAuditEvents(ctx context.Context, req *authv1.ListAuditEventsRequest) (*authv1.ListAuditEventsResponse, error) {
	if _, err := s.administrator(ctx); err != nil {
		return nil, err
	}
	q := store.AuditQuery{Kind: audit.Kind(req.GetKind())}
	var err error
	if q.Limit, err = page(req.GetLimit()); err != nil {
		return nil, err
	}
	if q.Kind != "" && !q.Kind.Known() {
		return nil, fault.Invalid("kind", "there are no events of this kind")
	}
	if id := req.GetUserId(); id != "" {
		if q.User, err = ids.ParseUser(id); err != nil {
			return nil, fault.Invalid("userId", "this is not the id of a user")
		}
	}
	if before := req.GetBefore(); before != "" {
		if q.Before, err = strconv.ParseInt(before, 10, 64); err != nil || q.Before < 1 {
			return nil, fault.Invalid("before", "this is not the id of an event")
		}
	}
	events, err := s.store.AuditEvents(ctx, q)
	if err != nil {
		return nil, err
	}
	res := &authv1.ListAuditEventsResponse{}
	for _, e := range events {
		p := &authv1.AuditEvent{
			Id: strconv.FormatInt(e.ID, 10), At: timestamppb.New(e.At), Kind: string(e.Kind), Address: e.Address, Detail: e.Detail,
		}
		if !e.User.IsZero() {
			p.UserId = e.User.String()
		}
		if !e.Actor.IsZero() {
			p.ActorId = e.Actor.String()
		}
		res.Events = append(res.Events, p)
	}
	return res, nil
}
