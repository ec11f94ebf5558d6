-- Which desk gets a request, by rules (docs/adr/0021). The highest version is the one in force; a version is
-- the whole text, and is never changed.
CREATE TABLE routing_versions (
    version INTEGER NOT NULL PRIMARY KEY CHECK (version >= 1),
    definition TEXT NOT NULL,
    comment TEXT,
    in_force_from TIMESTAMPTZ NOT NULL,
    created_by UUID REFERENCES accounts (id)
);
CREATE TRIGGER routing_versions_no_update BEFORE UPDATE ON routing_versions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER routing_versions_no_delete BEFORE DELETE ON routing_versions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER routing_versions_no_truncate BEFORE TRUNCATE ON routing_versions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
