-- +goose Up
-- One row: what the index was made from, and how. When either is another one, it is made anew.
CREATE TABLE meta (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    epoch  TEXT    NOT NULL,
    format INTEGER NOT NULL -- search.Format
) STRICT;

CREATE TABLE rooms (
    no   INTEGER PRIMARY KEY,
    room BLOB    NOT NULL UNIQUE,
    seq  INTEGER NOT NULL -- up to where it is indexed
) STRICT;

-- The tokens of messages, to be able to take them out of the index below: that keeps none. No content, but its words.
CREATE TABLE messages (
    id     INTEGER PRIMARY KEY, -- grows with the time of the message
    no     INTEGER NOT NULL,    -- of its room
    seq    INTEGER NOT NULL,
    tokens TEXT    NOT NULL     -- separated by spaces
) STRICT;

CREATE UNIQUE INDEX messages_ref ON messages (no, seq);

-- Each token begins with the number of its room: a search looks at nothing of other rooms, however common a word is there.
-- The rowid is that of messages, so the order of the index is that of time. Beginnings of words (query.MinPrefix characters,
-- after the number of the room and the kind of the token) have entries of their own: most searches end with one.
CREATE VIRTUAL TABLE words USING fts5 (tokens, prefix = '10', content = '', columnsize = 0, tokenize = 'ascii');

-- What is taken out is overwritten at once, not when parts of the index are merged.
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
