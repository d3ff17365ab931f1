-- +goose Up

-- What users say about themselves, and when they were last online.
CREATE TABLE standings (
    user_id        uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    status_text    text NOT NULL DEFAULT '',
    status_emoji   text NOT NULL DEFAULT '',
    do_not_disturb boolean NOT NULL DEFAULT false,
    expires_at     timestamptz, -- NULL: never
    last_seen      timestamptz  -- NULL: never
);

-- +goose Down
DROP TABLE standings;
