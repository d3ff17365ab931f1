-- +goose Up

ALTER TABLE users
    ADD COLUMN email_verified boolean NOT NULL DEFAULT false,
    ADD COLUMN role text NOT NULL DEFAULT 'member' CHECK (role IN ('member', 'admin', 'owner')),
    ADD COLUMN state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'deactivated', 'deleted'));

-- Lets one of those win who register first at the same time.
CREATE UNIQUE INDEX users_owner ON users (role) WHERE role = 'owner';

-- Who was first before there were owners. Accounts without a password were not registered by anybody.
UPDATE users SET role = 'owner' WHERE id = (SELECT id FROM users WHERE password_hash <> '' ORDER BY created_at, id LIMIT 1);

-- What links in mails carry, hashed. The newest of a kind is the only one that works.
CREATE TABLE mail_tokens (
    user_id    uuid NOT NULL REFERENCES users,
    purpose    text NOT NULL,
    hash       bytea NOT NULL CONSTRAINT mail_tokens_hash UNIQUE,
    email      text NOT NULL,
    email_key  text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, purpose)
);
CREATE INDEX mail_tokens_expiry ON mail_tokens (expires_at);

CREATE TABLE invitations (
    id         uuid PRIMARY KEY,
    hash       bytea NOT NULL CONSTRAINT invitations_hash UNIQUE,
    created_by uuid NOT NULL REFERENCES users,
    note       text NOT NULL,
    uses       integer NOT NULL DEFAULT 0,
    max_uses   integer NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX invitations_expiry ON invitations (expires_at);

-- The secret is encrypted under NATTER_SECRET_KEY. A code is as good as its step is later than the last.
CREATE TABLE second_factors (
    user_id   uuid PRIMARY KEY REFERENCES users,
    sealed    bytea NOT NULL,
    confirmed boolean NOT NULL,
    last_step bigint NOT NULL
);

CREATE TABLE recovery_codes (
    user_id uuid NOT NULL REFERENCES users,
    hash    bytea NOT NULL,
    PRIMARY KEY (user_id, hash)
);
