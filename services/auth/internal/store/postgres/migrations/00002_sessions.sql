-- +goose Up

-- family and token are hashes, and what recent holds is masked: no refresh token can be made of a row (package refresh).
-- No foreign key: a revoked session may outlive its user, because gateways ask for it.
CREATE TABLE sessions (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL,
    method     text NOT NULL,
    address    text NOT NULL,
    user_agent text NOT NULL,
    created_at timestamptz NOT NULL,
    last_seen  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    family     bytea NOT NULL,
    token      bytea NOT NULL,
    recent     jsonb NOT NULL
);

CREATE INDEX sessions_user ON sessions (user_id, last_seen) WHERE revoked_at IS NULL;
CREATE INDEX sessions_revoked ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX sessions_expiry ON sessions (expires_at);
