-- +goose Up
-- Files that users uploaded. Their bytes are elsewhere.
CREATE TABLE files (
    id         BLOB    NOT NULL PRIMARY KEY,
    user_id    BLOB    NOT NULL,
    room       BLOB,             -- NULL: a public picture
    name       TEXT    NOT NULL,
    size       INTEGER NOT NULL, -- bytes; of one that is begun: what is reserved for it
    type       TEXT    NOT NULL, -- media type
    width      INTEGER NOT NULL,
    height     INTEGER NOT NULL,
    thumbnail  INTEGER NOT NULL,
    state      INTEGER NOT NULL, -- store.FileState
    nonce      TEXT    NOT NULL, -- of the message that claimed it
    changed_at INTEGER NOT NULL  -- milliseconds since 1970: when it came to its state
) STRICT, WITHOUT ROWID;

CREATE INDEX files_quota ON files (user_id, size) WHERE state < 5; -- 5: discarded
CREATE INDEX files_state ON files (state, changed_at);
CREATE INDEX files_room ON files (room) WHERE state < 5;
