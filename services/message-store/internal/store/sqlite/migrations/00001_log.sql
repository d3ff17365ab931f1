-- +goose Up
-- The log. Clustered on (room, seq): a page of history is one range of it. room, user_id and hash are raw bytes.
CREATE TABLE events (
    room       BLOB    NOT NULL,
    seq        INTEGER NOT NULL,
    ordinal    INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    kind       INTEGER NOT NULL, -- store.Kind
    created_at INTEGER NOT NULL, -- milliseconds since 1970
    user_id    BLOB    NOT NULL,
    username   TEXT    NOT NULL,
    avatar     TEXT    NOT NULL,
    nonce      TEXT    NOT NULL,
    hash       BLOB    NOT NULL,
    target     INTEGER NOT NULL, -- seq of the message it changes; 0: none
    content    TEXT    NOT NULL, -- as it was sent; blanked when the message is deleted
    type       TEXT    NOT NULL,
    file_url   TEXT    NOT NULL,
    reply_to   INTEGER NOT NULL,
    emoji      TEXT    NOT NULL,
    removed    INTEGER NOT NULL,
    detail     TEXT,             -- JSON of store.Member or store.RoomInfo
    fold       TEXT,             -- JSON of store.Fold: what happened to this message; NULL: nothing
    PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX events_nonce ON events (room, user_id, nonce);

CREATE TABLE markers (
    user_id BLOB    NOT NULL,
    room    BLOB    NOT NULL,
    seq     INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    PRIMARY KEY (user_id, room)
) STRICT, WITHOUT ROWID;

-- One row: what was made once for this database.
CREATE TABLE meta (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    epoch    TEXT NOT NULL,
    hash_key BLOB NOT NULL
) STRICT;
