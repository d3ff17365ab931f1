-- +goose Up

-- Only inserted into. Users are not referenced: their events outlive them.
CREATE TABLE audit_events (
    id       integer PRIMARY KEY AUTOINCREMENT,
    at       integer NOT NULL,
    kind     text NOT NULL,
    user_id  text,
    actor_id text,
    address  text NOT NULL,
    detail   text NOT NULL
) STRICT;
CREATE INDEX audit_events_user ON audit_events (user_id, id);
CREATE INDEX audit_events_kind ON audit_events (kind, id);

-- Counters that expire.
CREATE TABLE throttle (
    key         blob PRIMARY KEY NOT NULL,
    attempts    integer NOT NULL,
    wait_until  integer NOT NULL,
    forget_at   integer NOT NULL,
    known_until integer NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX throttle_expiry ON throttle (max(forget_at, known_until));
