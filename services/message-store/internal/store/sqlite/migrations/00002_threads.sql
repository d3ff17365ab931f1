-- +goose Up
-- A reply in a thread has the seq of the thread's root in target. Which reply it is, and the mentions of a message or an
-- edit, are JSON in detail.
CREATE INDEX events_thread ON events (room, target, seq) WHERE kind = 1 AND target > 0;
