-- +goose Up

-- Keys are what names are compared by: normalised by the service, unique here. Compared byte by byte ("C"), so that an
-- upgrade of the system's locales cannot break their indexes.
CREATE TABLE users (
    id            uuid PRIMARY KEY,
    email         text NOT NULL,
    email_key     text COLLATE "C" NOT NULL CONSTRAINT users_email UNIQUE,
    username      text NOT NULL,
    username_key  text COLLATE "C" NOT NULL CONSTRAINT users_username UNIQUE,
    avatar        text NOT NULL,
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL
);

-- The private part is encrypted under NATTER_SECRET_KEY. The primary key lets one key of a generation win.
CREATE TABLE signing_keys (
    generation bigint PRIMARY KEY,
    kid        text NOT NULL,
    public     bytea NOT NULL,
    sealed     bytea NOT NULL,
    created_at timestamptz NOT NULL
);
