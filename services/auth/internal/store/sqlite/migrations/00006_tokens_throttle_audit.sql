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

-- Bots are users that another user owns.
ALTER TABLE users ADD COLUMN bot_owner text REFERENCES users;
CREATE INDEX users_bot_owner ON users (bot_owner, id) WHERE bot_owner IS NOT NULL;

-- hash is the SHA-256 of 256 random bits: nothing can be guessed of it, so it needs no salt and no slow hash.
CREATE TABLE api_tokens (
    id           text PRIMARY KEY NOT NULL,
    user_id      text NOT NULL REFERENCES users,
    hash         blob NOT NULL UNIQUE,
    name         text NOT NULL,
    scopes       text NOT NULL,
    created_at   integer NOT NULL,
    expires_at   integer,
    last_used_at integer
) STRICT;
CREATE INDEX api_tokens_user ON api_tokens (user_id, id);
