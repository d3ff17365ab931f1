-- +goose Up

-- For the job that removes what is too old.
CREATE INDEX api_tokens_expiry ON api_tokens (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX audit_events_at ON audit_events (at);
