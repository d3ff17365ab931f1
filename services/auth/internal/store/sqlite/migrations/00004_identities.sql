-- +goose Up

-- Users at OpenID providers.
CREATE TABLE identities (
    id         text PRIMARY KEY NOT NULL,
    user_id    text NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    issuer     text NOT NULL,
    subject    text NOT NULL,
    email      text NOT NULL,
    created_at integer NOT NULL,
    UNIQUE (issuer, subject)
) STRICT;
CREATE INDEX identities_user ON identities (user_id, id);

-- What was used and may not be used again, until it would have expired.
CREATE TABLE used_once (
    id         text PRIMARY KEY NOT NULL,
    expires_at integer NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX used_once_expiry ON used_once (expires_at);
