-- +goose Up

-- Users at OpenID providers.
CREATE TABLE identities (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    issuer     text COLLATE "C" NOT NULL,
    subject    text COLLATE "C" NOT NULL,
    email      text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT identities_subject UNIQUE (issuer, subject)
);
CREATE INDEX identities_user ON identities (user_id, id);

-- What was used and may not be used again, until it would have expired.
CREATE TABLE used_once (
    id         text COLLATE "C" PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
CREATE INDEX used_once_expiry ON used_once (expires_at);
