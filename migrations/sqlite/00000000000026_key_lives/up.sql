-- Since when nothing is sealed with a retired key any more (docs/adr/0033): until then it is looked for.
ALTER TABLE data_keys ADD COLUMN vacated_at BIGINT
    CHECK (vacated_at IS NULL OR retired_at IS NOT NULL);
