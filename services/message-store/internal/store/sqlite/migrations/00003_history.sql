-- +goose Up
-- The event that pinned a message; 0: it is not pinned. The fold says it too, but this has an index.
ALTER TABLE events ADD COLUMN pinned_seq INTEGER NOT NULL DEFAULT 0;
UPDATE events SET pinned_seq = fold ->> 'pinnedSeq' WHERE kind = 1 AND fold ->> 'pinned';
CREATE INDEX events_pinned ON events (room, pinned_seq) WHERE pinned_seq > 0;

-- Who came and went, and what became of the room: few among many messages, or many without any.
CREATE INDEX events_change ON events (room, seq) WHERE kind >= 6;

-- Messages that users saved for themselves. id is a UUIDv7: when they did.
CREATE TABLE saved (
    user_id BLOB    NOT NULL,
    room    BLOB    NOT NULL,
    seq     INTEGER NOT NULL,
    id      BLOB    NOT NULL,
    PRIMARY KEY (user_id, room, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX saved_order ON saved (user_id, id);
CREATE INDEX saved_room ON saved (room); -- for what goes with a deleted room
