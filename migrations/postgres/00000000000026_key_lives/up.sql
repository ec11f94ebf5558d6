-- Since when nothing is sealed with a retired key any more (docs/adr/0033): until then it is looked for.
ALTER TABLE data_keys ADD COLUMN vacated_at TIMESTAMPTZ
    CHECK (vacated_at IS NULL OR retired_at IS NOT NULL);
-- Columns in which no plain value is left from before they were sealed: nobody looks through them again.
CREATE TABLE sealed_up (
    table_name TEXT NOT NULL,
    column_name TEXT NOT NULL,
    sealed_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (table_name, column_name)
);
