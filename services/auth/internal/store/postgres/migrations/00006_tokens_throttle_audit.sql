-- +goose Up

-- Only inserted into. Users are not referenced: their events outlive them.
CREATE TABLE audit_events (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL,
    kind     text COLLATE "C" NOT NULL,
    user_id  uuid,
    actor_id uuid,
    address  text NOT NULL,
    detail   text NOT NULL
);
CREATE INDEX audit_events_user ON audit_events (user_id, id);
CREATE INDEX audit_events_kind ON audit_events (kind, id);
