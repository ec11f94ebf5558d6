-- Which desk gets a request, by rules (docs/adr/0021). The highest version is the one in force; a version is
-- the whole text, and is never changed.
CREATE TABLE routing_versions (
    version INTEGER NOT NULL PRIMARY KEY CHECK (version >= 1),
    definition TEXT NOT NULL,
    comment TEXT,
    in_force_from BIGINT NOT NULL,
    created_by BLOB REFERENCES accounts (id)
);
CREATE TRIGGER routing_versions_no_update BEFORE UPDATE ON routing_versions BEGIN
    SELECT RAISE(ABORT, 'routing_versions is append-only');
END;
CREATE TRIGGER routing_versions_no_delete BEFORE DELETE ON routing_versions BEGIN
    SELECT RAISE(ABORT, 'routing_versions is append-only');
END;
