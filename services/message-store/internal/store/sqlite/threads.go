package sqlite

import (
	"context"
	"slices"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

const (
	// A reply has the root of its thread in target. That target > 0 is what the partial index says; without INDEXED BY the
	// planner would walk the room.
	sqlRepliesBefore = "SELECT " + eventColumns + ", fold FROM events INDEXED BY events_thread WHERE room = ? AND target = ? AND seq < ? AND kind = 1 AND target > 0 ORDER BY seq DESC LIMIT ?"
	sqlRepliesAfter  = "SELECT " + eventColumns + ", fold FROM events INDEXED BY events_thread WHERE room = ? AND target = ? AND seq > ? AND kind = 1 AND target > 0 ORDER BY seq LIMIT ?"
	// The roots of threads, newest first: each step of the recursion finds the next lower one in the index of the replies,
	// over all replies of the one before.
	sqlThreads = "WITH RECURSIVE roots (seq) AS (SELECT max(target) FROM events WHERE room = ?1 AND target < ?2 AND kind = 1 AND target > 0" +
		" UNION ALL SELECT (SELECT max(target) FROM events WHERE room = ?1 AND target < roots.seq AND kind = 1 AND target > 0) FROM roots WHERE roots.seq > 0 LIMIT ?3)" +
		" SELECT " + eventColumns + ", fold FROM roots CROSS JOIN events USING (seq) WHERE room = ?1 AND kind = 1 ORDER BY seq DESC"
)

// RepliesBefore returns up to limit replies in the thread of a message with seq < before, newest first.
func (s *Store) RepliesBefore(ctx context.Context, root store.Ref, before uint32, limit int) (store.Page, error) {
	return s.page(ctx, s.r.repliesBefore, limit, root.Room, int64(root.Seq), int64(before))
}

// RepliesAfter returns the first replies in the thread of a message with seq > after, up to limit, newest first.
func (s *Store) RepliesAfter(ctx context.Context, root store.Ref, after uint32, limit int) (store.Page, error) {
	page, err := s.page(ctx, s.r.repliesAfter, limit, root.Room, int64(root.Seq), int64(after))
	slices.Reverse(page.Messages)
	return page, err
}

// Threads returns up to limit messages with replies in their threads and seq < before, newest first.
func (s *Store) Threads(ctx context.Context, room ids.Room, before uint32, limit int) (store.Page, error) {
	return s.page(ctx, s.r.threads, limit, room, int64(before))
}
