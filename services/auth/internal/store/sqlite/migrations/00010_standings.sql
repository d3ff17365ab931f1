-- +goose Up

-- What users say about themselves, and when they were last online.
CREATE TABLE standings (
    user_id        text PRIMARY KEY NOT NULL REFERENCES users ON DELETE CASCADE,
    status_text    text NOT NULL DEFAULT '',
    status_emoji   text NOT NULL DEFAULT '',
    do_not_disturb integer NOT NULL DEFAULT 0,
    expires_at     integer, -- NULL: never
    last_seen      integer  -- NULL: never
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE standings;
