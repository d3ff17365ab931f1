-- +goose Up

-- family and token are hashes, and what recent holds is masked: no refresh token can be made of a row (package refresh).
-- No foreign key: a revoked session may outlive its user, because gateways ask for it.
CREATE TABLE sessions (
    id         text PRIMARY KEY NOT NULL,
    user_id    text NOT NULL,
    method     text NOT NULL,
    address    text NOT NULL,
    user_agent text NOT NULL,
    created_at integer NOT NULL,
    last_seen  integer NOT NULL,
    expires_at integer NOT NULL,
    revoked_at integer,
    family     blob NOT NULL,
    token      blob NOT NULL,
    recent     text NOT NULL
) STRICT;

CREATE INDEX sessions_user ON sessions (user_id, last_seen) WHERE revoked_at IS NULL;
CREATE INDEX sessions_revoked ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX sessions_expiry ON sessions (expires_at);
