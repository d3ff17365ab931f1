-- +goose Up

-- Ids are canonical UUID text, times are milliseconds since 1970. member_count and version change with every join and
-- leave, in its transaction.
CREATE TABLE rooms (
    id           TEXT    PRIMARY KEY,
    name         TEXT    NOT NULL,
    description  TEXT    NOT NULL,
    is_private   INTEGER NOT NULL,
    creator_id   TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    member_count INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX rooms_public ON rooms (id) WHERE NOT is_private;

-- joined_version is the version of the room that made the user a member: the order of joining, unique in the room.
CREATE TABLE room_members (
    room_id        TEXT    NOT NULL REFERENCES rooms (id),
    user_id        TEXT    NOT NULL,
    role           TEXT    NOT NULL CHECK (role IN ('owner', 'admin', 'moderator', 'member', 'read_only')),
    joined_version INTEGER NOT NULL,
    joined_at      INTEGER NOT NULL,
    PRIMARY KEY (room_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX room_members_order ON room_members (room_id, joined_version);
CREATE INDEX room_members_user ON room_members (user_id, room_id);

CREATE TABLE room_bans (
    room_id    TEXT    NOT NULL REFERENCES rooms (id),
    user_id    TEXT    NOT NULL,
    banned_by  TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (room_id, user_id)
) STRICT, WITHOUT ROWID;

-- Changes that are not known to be in the log of their room yet: bus.v1.Command, sent as they are.
CREATE TABLE room_outbox (
    room_id    TEXT    NOT NULL REFERENCES rooms (id),
    version    INTEGER NOT NULL,
    command    BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (room_id, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX room_outbox_created ON room_outbox (created_at);

-- +goose Down
DROP TABLE room_outbox;
DROP TABLE room_bans;
DROP TABLE room_members;
DROP TABLE rooms;
