-- Who saw and did what (docs/adr/0030): one row for each transaction of a request that wrote, and for each
-- request that only looked. The body is the entry itself, letter by letter; the columns are for finding it.
CREATE TABLE audit_entries (
    id UUID NOT NULL,
    nth INTEGER NOT NULL CHECK (nth >= 1),
    chain TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id, nth)
);
CREATE INDEX audit_entries_by_time ON audit_entries (at, id, nth);
CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entries_no_truncate BEFORE TRUNCATE ON audit_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
