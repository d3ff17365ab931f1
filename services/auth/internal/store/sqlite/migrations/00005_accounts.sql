-- +goose Up

ALTER TABLE users ADD COLUMN email_verified integer NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN role text NOT NULL DEFAULT 'member' CHECK (role IN ('member', 'admin', 'owner'));
ALTER TABLE users ADD COLUMN state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'deactivated', 'deleted'));

-- A server has one owner.
CREATE UNIQUE INDEX users_owner ON users (role) WHERE role = 'owner';

-- Who was first before there were owners. Accounts without a password were not registered by anybody.
UPDATE users SET role = 'owner' WHERE id = (SELECT id FROM users WHERE password_hash <> '' ORDER BY created_at, id LIMIT 1);

-- What links in mails carry, hashed. The newest of a kind is the only one that works.
CREATE TABLE mail_tokens (
    user_id    text NOT NULL REFERENCES users,
    purpose    text NOT NULL,
    hash       blob NOT NULL UNIQUE,
    email      text NOT NULL,
    email_key  text NOT NULL,
    created_at integer NOT NULL,
    expires_at integer NOT NULL,
    PRIMARY KEY (user_id, purpose)
) STRICT;
CREATE INDEX mail_tokens_expiry ON mail_tokens (expires_at);

CREATE TABLE invitations (
    id         text PRIMARY KEY NOT NULL,
    hash       blob NOT NULL UNIQUE,
    created_by text NOT NULL REFERENCES users,
    note       text NOT NULL,
    uses       integer NOT NULL DEFAULT 0,
    max_uses   integer NOT NULL,
    created_at integer NOT NULL,
    expires_at integer NOT NULL
) STRICT;
CREATE INDEX invitations_expiry ON invitations (expires_at);

-- The secret is encrypted under NATTER_SECRET_KEY. A code is as good as its step is later than the last.
CREATE TABLE second_factors (
    user_id   text PRIMARY KEY NOT NULL REFERENCES users,
    sealed    blob NOT NULL,
    confirmed integer NOT NULL,
    last_step integer NOT NULL
) STRICT;

CREATE TABLE recovery_codes (
    user_id text NOT NULL REFERENCES users,
    hash    blob NOT NULL,
    PRIMARY KEY (user_id, hash)
) STRICT;
