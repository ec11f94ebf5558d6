-- The words of what is written on tickets, a row for each text (docs/adr/0039): 0 is the number, the labels
-- of service and problem, and the description; the others are notes. They are made by the program, and are
-- null where the text is sealed or gone.
CREATE TABLE ticket_texts (
    ticket_id UUID NOT NULL,
    seq BIGINT NOT NULL CHECK (seq >= 0),
    audience TEXT NOT NULL,
    team TEXT,
    party TEXT,
    words TSVECTOR,
    PRIMARY KEY (ticket_id, seq)
);
CREATE INDEX ticket_texts_by_words ON ticket_texts USING gin (words) WITH (gin_pending_list_limit = 1024);

-- A text that is sealed, or becomes a dash, takes its words along, whoever changes it.
CREATE FUNCTION forget_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'tickets' THEN
        UPDATE ticket_texts SET words = NULL WHERE ticket_id = NEW.id AND seq = 0;
    ELSE
        UPDATE ticket_texts SET words = NULL WHERE ticket_id = NEW.ticket_id AND seq = NEW.seq;
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER tickets_forget_words AFTER UPDATE OF description ON tickets FOR EACH ROW
    WHEN (NEW.description IS DISTINCT FROM OLD.description AND coalesce(substr(OLD.description, 1, 1), '') <> chr(1))
    EXECUTE FUNCTION forget_words();
CREATE TRIGGER notes_forget_words AFTER UPDATE OF body ON notes FOR EACH ROW
    WHEN (NEW.body IS DISTINCT FROM OLD.body AND substr(OLD.body, 1, 1) <> chr(1))
    EXECUTE FUNCTION forget_words();

-- Down to which ticket the words of a database from before are made; no row: all are.
CREATE TABLE text_builds (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    before_at TIMESTAMPTZ,
    before_id UUID
);
INSERT INTO text_builds (id) SELECT 1 WHERE EXISTS (SELECT 1 FROM tickets);
INSERT INTO due_work (kind, subject, due_at, fence, attempts)
    SELECT 'text-index', '00000000-0000-0000-0000-000000000000', to_timestamp(0), 0, 0 FROM text_builds;

-- Whoever has a scope writes. A condition for reading would keep the planner from the index, because `@@`
-- is not leakproof: every search goes through the tickets, which have theirs (docs/adr/0039).
ALTER TABLE ticket_texts ENABLE ROW LEVEL SECURITY;
ALTER TABLE ticket_texts FORCE ROW LEVEL SECURITY;
CREATE POLICY ticket_texts_read ON ticket_texts FOR SELECT USING (true);
CREATE POLICY ticket_texts_written ON ticket_texts FOR INSERT WITH CHECK ((SELECT has_scope()));
CREATE POLICY ticket_texts_changed ON ticket_texts FOR UPDATE USING ((SELECT has_scope())) WITH CHECK ((SELECT has_scope()));
