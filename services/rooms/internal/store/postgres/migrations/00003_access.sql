-- +goose Up

-- The directory is sorted by sort_name and searched in search, see room.Listing. Of rooms that were made before, lower() is
-- close to it until their next change.
ALTER TABLE rooms
    ADD COLUMN sort_name text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN search    text COLLATE "C" NOT NULL DEFAULT '';
UPDATE rooms SET sort_name = substr(lower(name), 1, 50), search = lower(name) || chr(10) || lower(topic);
CREATE INDEX rooms_directory ON rooms (sort_name, id) WHERE NOT is_private AND NOT is_archived AND deleted_at IS NULL;

-- pair is who talks in a direct conversation, see room.Pair.
ALTER TABLE rooms ADD COLUMN pair text;
CREATE UNIQUE INDEX rooms_pair ON rooms (pair) WHERE pair IS NOT NULL;
CREATE INDEX rooms_conversations ON rooms (creator_id, created_at) WHERE kind <> 'room';

-- Direct conversations do not count for the limit of rooms per user. What follows is how the member wants the room shown.
ALTER TABLE room_members
    ADD COLUMN is_direct       boolean NOT NULL DEFAULT false,
    ADD COLUMN is_favourite    boolean NOT NULL DEFAULT false,
    ADD COLUMN hidden_seq      bigint  NOT NULL DEFAULT 0,
    ADD COLUMN notifications   text    NOT NULL DEFAULT '' CHECK (notifications IN ('', 'all', 'mentions', 'none')),
    ADD COLUMN preferences_rev bigint  NOT NULL DEFAULT 0;
DROP INDEX room_members_user;
CREATE INDEX room_members_user ON room_members (user_id, room_id, is_direct);

-- An invitation that has ended is kept until forget_at, so that it counts for the limit of who made it.
CREATE TABLE room_invitations (
    id         uuid        PRIMARY KEY,
    room_id    uuid        NOT NULL REFERENCES rooms (id),
    user_id    uuid        NOT NULL,
    invited_by uuid        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz,
    forget_at  timestamptz NOT NULL
);
CREATE UNIQUE INDEX room_invitations_pending ON room_invitations (room_id, user_id) WHERE ended_at IS NULL;
CREATE INDEX room_invitations_room ON room_invitations (room_id, id) WHERE ended_at IS NULL;
CREATE INDEX room_invitations_user ON room_invitations (user_id, id) WHERE ended_at IS NULL;
CREATE INDEX room_invitations_by ON room_invitations (invited_by, created_at);
CREATE INDEX room_invitations_forget ON room_invitations (forget_at);

-- hash is the SHA-256 of the token. max_uses 0: any number.
CREATE TABLE room_links (
    id         uuid        PRIMARY KEY,
    room_id    uuid        NOT NULL REFERENCES rooms (id),
    hash       bytea       NOT NULL UNIQUE,
    created_by uuid        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    max_uses   bigint      NOT NULL,
    uses       bigint      NOT NULL DEFAULT 0 CHECK (max_uses = 0 OR uses <= max_uses)
);
CREATE INDEX room_links_room ON room_links (room_id, id);
CREATE INDEX room_links_expires ON room_links (expires_at);

-- +goose Down
DROP TABLE room_links, room_invitations;
DROP INDEX room_members_user;
CREATE INDEX room_members_user ON room_members (user_id, room_id);
ALTER TABLE room_members DROP COLUMN is_direct, DROP COLUMN is_favourite, DROP COLUMN hidden_seq, DROP COLUMN notifications,
    DROP COLUMN preferences_rev;
DROP INDEX rooms_conversations, rooms_pair, rooms_directory;
ALTER TABLE rooms DROP COLUMN pair, DROP COLUMN sort_name, DROP COLUMN search;
