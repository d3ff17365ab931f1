-- +goose Up

-- Only inserted into. Users are not referenced: their events outlive them.
CREATE TABLE audit_events (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL,
    kind     text COLLATE "C" NOT NULL,
    user_id  uuid,
    actor_id uuid,
    address  text NOT NULL,
    detail   text NOT NULL
);
CREATE INDEX audit_events_user ON audit_events (user_id, id);
CREATE INDEX audit_events_kind ON audit_events (kind, id);

-- Counters that expire. Times are milliseconds since 1970, as the services' clocks say: they are only computed with.
CREATE TABLE throttle (
    key         bytea PRIMARY KEY,
    attempts    integer NOT NULL,
    wait_until  bigint NOT NULL,
    forget_at   bigint NOT NULL,
    known_until bigint NOT NULL
);
CREATE INDEX throttle_expiry ON throttle (greatest(forget_at, known_until));

-- Bots are users that another user owns.
ALTER TABLE users ADD COLUMN bot_owner uuid REFERENCES users;
CREATE INDEX users_bot_owner ON users (bot_owner, id) WHERE bot_owner IS NOT NULL;

-- hash is the SHA-256 of 256 random bits: nothing can be guessed of it, so it needs no salt and no slow hash.
CREATE TABLE api_tokens (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users,
    hash         bytea NOT NULL CONSTRAINT api_tokens_hash UNIQUE,
    name         text NOT NULL,
    scopes       text NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    last_used_at timestamptz
);
CREATE INDEX api_tokens_user ON api_tokens (user_id, id);
