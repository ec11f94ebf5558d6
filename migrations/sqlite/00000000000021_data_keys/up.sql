-- The keys that seal personal data (docs/adr/0029): one line of them for each desk, and one, under the
-- empty code, for what belongs to no desk. Wrapped by the master key, which is never here; a key whose
-- wrapping is gone was destroyed, and what it sealed is gone with it.
CREATE TABLE data_keys (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id >= 1),
    desk TEXT NOT NULL,
    generation INTEGER NOT NULL CHECK (generation >= 1),
    master TEXT NOT NULL,
    wrapped BLOB,
    created_at BIGINT NOT NULL,
    retired_at BIGINT,
    destroyed_at BIGINT,
    UNIQUE (desk, generation),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL)),
    CHECK (destroyed_at IS NULL OR retired_at IS NOT NULL)
);
CREATE UNIQUE INDEX data_keys_in_use ON data_keys (desk) WHERE retired_at IS NULL;
