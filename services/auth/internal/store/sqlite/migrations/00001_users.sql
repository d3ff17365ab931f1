-- +goose Up

-- Keys are what names are compared by: normalised by the service, unique here. Times are milliseconds since 1970.
CREATE TABLE users (
    id            text PRIMARY KEY NOT NULL,
    email         text NOT NULL,
    email_key     text NOT NULL UNIQUE,
    username      text NOT NULL,
    username_key  text NOT NULL UNIQUE,
    avatar        text NOT NULL,
    password_hash text NOT NULL,
    created_at    integer NOT NULL
) STRICT;

-- The private part is encrypted under NATTER_SECRET_KEY. The primary key lets one key of a generation win.
CREATE TABLE signing_keys (
    generation integer PRIMARY KEY,
    kid        text NOT NULL,
    public     blob NOT NULL,
    sealed     blob NOT NULL,
    created_at integer NOT NULL
) STRICT;
