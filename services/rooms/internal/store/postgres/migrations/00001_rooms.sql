-- +goose Up

-- member_count and version change with every join and leave, under the lock of the room's row.
CREATE TABLE rooms (
    id           uuid        PRIMARY KEY,
    name         text        NOT NULL,
    description  text        NOT NULL,
    is_private   boolean     NOT NULL,
    creator_id   uuid        NOT NULL,
    version      bigint      NOT NULL,
    member_count bigint      NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL
);
CREATE INDEX rooms_public ON rooms (id) WHERE NOT is_private;

-- joined_version is the version of the room that made the user a member: the order of joining, unique in the room.
CREATE TABLE room_members (
    room_id        uuid        NOT NULL REFERENCES rooms (id),
    user_id        uuid        NOT NULL,
    role           text        NOT NULL CHECK (role IN ('owner', 'admin', 'moderator', 'member', 'read_only')),
    joined_version bigint      NOT NULL,
    joined_at      timestamptz NOT NULL,
    PRIMARY KEY (room_id, user_id)
);
CREATE UNIQUE INDEX room_members_order ON room_members (room_id, joined_version);
CREATE INDEX room_members_user ON room_members (user_id, room_id);

CREATE TABLE room_bans (
    room_id    uuid        NOT NULL REFERENCES rooms (id),
    user_id    uuid        NOT NULL,
    banned_by  uuid        NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (room_id, user_id)
);

-- Changes that are not known to be in the log of their room yet: bus.v1.Command, sent as they are.
CREATE TABLE room_outbox (
    room_id    uuid        NOT NULL REFERENCES rooms (id),
    version    bigint      NOT NULL,
    command    bytea       NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (room_id, version)
);
CREATE INDEX room_outbox_created ON room_outbox (created_at);

-- +goose Down
DROP TABLE room_outbox, room_bans, room_members, rooms;
