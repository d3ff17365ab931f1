-- +goose Up
-- Whom the messages of the log call as they are now: a row for each user, or one for everybody.
CREATE TABLE mentions (
    room       BLOB    NOT NULL,
    seq        INTEGER NOT NULL,
    user_id    BLOB    NOT NULL, -- 16 zero bytes: everybody in the room
    author     BLOB    NOT NULL,
    created_at INTEGER NOT NULL, -- of the message
    PRIMARY KEY (room, seq, user_id)
) STRICT, WITHOUT ROWID;

-- What of it somebody has not read yet, and all of it, newest first.
CREATE INDEX mentions_unread ON mentions (user_id, room, seq, author);
CREATE INDEX mentions_newest ON mentions (user_id, created_at, room, seq);
