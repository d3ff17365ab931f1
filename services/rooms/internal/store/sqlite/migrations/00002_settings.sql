-- +goose Up

-- slow_mode is seconds. A room is deleted, then its log is purged; the row stays, so that both are done once.
ALTER TABLE rooms ADD COLUMN kind            TEXT    NOT NULL DEFAULT 'room' CHECK (kind IN ('room', 'direct', 'group'));
ALTER TABLE rooms ADD COLUMN topic           TEXT    NOT NULL DEFAULT '';
ALTER TABLE rooms ADD COLUMN avatar          TEXT    NOT NULL DEFAULT '';
ALTER TABLE rooms ADD COLUMN is_archived     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN is_announcement INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN slow_mode       INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN deleted_at      INTEGER;
ALTER TABLE rooms ADD COLUMN purged_at       INTEGER;
DROP INDEX rooms_public;
CREATE INDEX rooms_public ON rooms (id) WHERE NOT is_private AND deleted_at IS NULL;
CREATE INDEX rooms_unpurged ON rooms (id) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;

ALTER TABLE room_members ADD COLUMN muted_until INTEGER;

-- Mutes of those who left while they were muted: they go on when they come back.
CREATE TABLE room_mutes (
    room_id     TEXT    NOT NULL REFERENCES rooms (id),
    user_id     TEXT    NOT NULL,
    muted_until INTEGER NOT NULL,
    PRIMARY KEY (room_id, user_id)
) STRICT, WITHOUT ROWID;

-- A ban that has expired is none.
ALTER TABLE room_bans ADD COLUMN reason     TEXT NOT NULL DEFAULT '';
ALTER TABLE room_bans ADD COLUMN expires_at INTEGER;
CREATE INDEX room_bans_order ON room_bans (room_id, created_at, user_id);

-- +goose Down
DROP INDEX room_bans_order;
ALTER TABLE room_bans DROP COLUMN reason;
ALTER TABLE room_bans DROP COLUMN expires_at;
DROP TABLE room_mutes;
ALTER TABLE room_members DROP COLUMN muted_until;
DROP INDEX rooms_unpurged;
DROP INDEX rooms_public;
CREATE INDEX rooms_public ON rooms (id) WHERE NOT is_private;
ALTER TABLE rooms DROP COLUMN kind;
ALTER TABLE rooms DROP COLUMN topic;
ALTER TABLE rooms DROP COLUMN avatar;
ALTER TABLE rooms DROP COLUMN is_archived;
ALTER TABLE rooms DROP COLUMN is_announcement;
ALTER TABLE rooms DROP COLUMN slow_mode;
ALTER TABLE rooms DROP COLUMN deleted_at;
ALTER TABLE rooms DROP COLUMN purged_at;
