-- +goose Up
-- Fields are those of store.Marker. A thread has one for each user that follows it.
CREATE TABLE new_markers (
    user_id   BLOB    NOT NULL,
    room      BLOB    NOT NULL,
    thread    INTEGER NOT NULL, -- seq of the message that began it; 0: the room itself
    seq       INTEGER NOT NULL,
    ordinal   INTEGER NOT NULL,
    rev       INTEGER NOT NULL,
    held      INTEGER NOT NULL,
    seen      INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    PRIMARY KEY (user_id, room, thread)
) STRICT, WITHOUT ROWID;

INSERT INTO new_markers SELECT user_id, room, 0, seq, ordinal, 0, 0, seq, seq FROM markers;
DROP TABLE markers;
ALTER TABLE new_markers RENAME TO markers;
