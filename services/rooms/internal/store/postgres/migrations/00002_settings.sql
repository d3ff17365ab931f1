-- +goose Up

-- slow_mode is seconds. A room is deleted, then its log is purged; the row stays, so that both are done once.
ALTER TABLE rooms
    ADD COLUMN kind            text    NOT NULL DEFAULT 'room' CHECK (kind IN ('room', 'direct', 'group')),
    ADD COLUMN topic           text    NOT NULL DEFAULT '',
    ADD COLUMN avatar          text    NOT NULL DEFAULT '',
    ADD COLUMN is_archived     boolean NOT NULL DEFAULT false,
    ADD COLUMN is_announcement boolean NOT NULL DEFAULT false,
    ADD COLUMN slow_mode       bigint  NOT NULL DEFAULT 0,
    ADD COLUMN deleted_at      timestamptz,
    ADD COLUMN purged_at       timestamptz;
DROP INDEX rooms_public;
CREATE INDEX rooms_public ON rooms (id) WHERE NOT is_private AND deleted_at IS NULL;
CREATE INDEX rooms_unpurged ON rooms (id) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;

ALTER TABLE room_members ADD COLUMN muted_until timestamptz;

-- Mutes of those who left while they were muted: they go on when they come back.
CREATE TABLE room_mutes (
    room_id     uuid        NOT NULL REFERENCES rooms (id),
    user_id     uuid        NOT NULL,
    muted_until timestamptz NOT NULL,
    PRIMARY KEY (room_id, user_id)
);

-- A ban that has expired is none.
ALTER TABLE room_bans
    ADD COLUMN reason     text NOT NULL DEFAULT '',
    ADD COLUMN expires_at timestamptz;
CREATE INDEX room_bans_order ON room_bans (room_id, created_at, user_id);

-- +goose Down
DROP INDEX room_bans_order;
ALTER TABLE room_bans DROP COLUMN reason, DROP COLUMN expires_at;
DROP TABLE room_mutes;
ALTER TABLE room_members DROP COLUMN muted_until;
DROP INDEX rooms_unpurged;
DROP INDEX rooms_public;
CREATE INDEX rooms_public ON rooms (id) WHERE NOT is_private;
ALTER TABLE rooms DROP COLUMN kind, DROP COLUMN topic, DROP COLUMN avatar, DROP COLUMN is_archived, DROP COLUMN is_announcement,
    DROP COLUMN slow_mode, DROP COLUMN deleted_at, DROP COLUMN purged_at;
