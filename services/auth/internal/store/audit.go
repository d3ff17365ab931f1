package store

import (
	"context"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/audit"
)

// Audit keeps the log of security events. No method changes an event, nor removes one because of what it says.
type Audit interface {
	// AppendAudit adds an event; its ID is ignored, and chosen.
	AppendAudit(ctx context.Context, e audit.Event) error

	// AuditEvents returns a page of events, newest first.
	AuditEvents(ctx context.Context, q AuditQuery) ([]audit.Event, error)

	// ForgetAudit removes at most limit events that are older than a time, and says how many they were.
	ForgetAudit(ctx context.Context, before time.Time, limit int) (int, error)
}

// AuditQuery says which events.
type AuditQuery struct {
	// User leaves those about one account; zero: all.
	User ids.User
	// Kind leaves those of one kind; empty: all.
	Kind audit.Kind
	// Before leaves those with a smaller ID: that of the last event of the page before. 0: from the newest.
	Before int64
	// Limit is how many there are at most.
	Limit int
}
