-- How long personal data are kept, what must be kept longer, and what went when (docs/adr/0037).
-- Schedules are versions: of an authority, or of all (the empty code). A proposal is in force nowhere.
CREATE TABLE retention_schedules (
    authority_code TEXT NOT NULL,
    version BIGINT NOT NULL CHECK (version >= 1),
    is_proposal BOOLEAN NOT NULL,
    identifier TEXT NOT NULL,
    contact TEXT NOT NULL,
    health_text TEXT NOT NULL,
    attachment TEXT NOT NULL,
    complaint TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    created_by UUID NOT NULL REFERENCES accounts (id),
    PRIMARY KEY (authority_code, version)
);

-- What must not go, whatever its term says. Who it is about and why are sealed.
CREATE TABLE legal_holds (
    id UUID NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('ticket', 'authority', 'person')),
    ticket_id UUID REFERENCES tickets (id),
    authority_code TEXT REFERENCES authorities (code),
    person TEXT,
    person_print TEXT,
    reason TEXT NOT NULL,
    until TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    created_by UUID NOT NULL REFERENCES accounts (id),
    ended_at TIMESTAMPTZ,
    ended_by UUID REFERENCES accounts (id),
    end_reason TEXT,
    CHECK ((ticket_id IS NOT NULL) = (kind = 'ticket')),
    CHECK ((authority_code IS NOT NULL) = (kind = 'authority')),
    CHECK ((person IS NOT NULL) = (kind = 'person') AND (person IS NULL) = (person_print IS NULL)),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL) AND (ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX legal_holds_by_ticket ON legal_holds (ticket_id) WHERE ticket_id IS NOT NULL;
CREATE INDEX legal_holds_by_person ON legal_holds (person_print) WHERE person_print IS NOT NULL;

-- What was taken from what: a row for each class of a request, a complaint, a contact or a call back. The
-- triggers below let a text go only where one is.
CREATE TABLE retention_marks (
    subject UUID NOT NULL,
    class TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('ticket', 'complaint', 'contact', 'callback')),
    run_id UUID NOT NULL,
    named TEXT NOT NULL,
    authority_code TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (subject, class)
);
CREATE INDEX retention_marks_by_run ON retention_marks (run_id, named);

-- The bytes that went with them; still to be deleted from the store while there is no time.
CREATE TABLE retention_blobs (
    blob_key TEXT NOT NULL PRIMARY KEY,
    run_id UUID NOT NULL,
    deleted_at TIMESTAMPTZ
);
CREATE INDEX retention_blobs_by_run ON retention_blobs (run_id);
CREATE INDEX retention_blobs_waiting ON retention_blobs (blob_key) WHERE deleted_at IS NULL;

-- Runs, and the proof of each: what was done by which schedules, and what was kept and why.
CREATE TABLE retention_runs (
    id UUID NOT NULL PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done')),
    due_by TIMESTAMPTZ NOT NULL,
    authority_code TEXT,
    node TEXT NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    schedules TEXT NOT NULL,
    due BIGINT NOT NULL,
    in_stock BIGINT NOT NULL,
    confirmed_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ,
    counts TEXT,
    kept TEXT,
    digest TEXT,
    CHECK ((ended_at IS NULL) = (state <> 'done')),
    CHECK ((ended_at IS NULL) = (digest IS NULL))
);
CREATE INDEX retention_runs_by_time ON retention_runs (started_at, id);

-- What was due is found along this.
CREATE INDEX tickets_over ON tickets (state_since, id) WHERE state IN ('auto-closed', 'removed');

CREATE TRIGGER retention_schedules_no_update BEFORE UPDATE ON retention_schedules FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER retention_schedules_no_delete BEFORE DELETE ON retention_schedules FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER retention_schedules_no_truncate BEFORE TRUNCATE ON retention_schedules FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER retention_marks_no_update BEFORE UPDATE ON retention_marks FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER retention_marks_no_delete BEFORE DELETE ON retention_marks FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER retention_marks_no_truncate BEFORE TRUNCATE ON retention_marks FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER retention_runs_no_delete BEFORE DELETE ON retention_runs FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER retention_runs_no_truncate BEFORE TRUNCATE ON retention_runs FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What was written stays, but for two changes, in a row that is otherwise as it was: a text whose time is
-- over becomes a dash, once a mark says that its class went; and a text is sealed, or sealed anew, or of a
-- note opened again (docs/adr/0032). The arguments are the columns that hold texts.
CREATE FUNCTION refuse_all_but_forgetting() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before JSONB := to_jsonb(OLD);
    after JSONB := to_jsonb(NEW);
    owner UUID;
    owners_class TEXT := 'health-text';
    held TEXT;
    changes BOOLEAN := false;
    forgets BOOLEAN := false;
BEGIN
    IF TG_TABLE_NAME = 'notes' THEN
        owner := after ->> 'ticket_id';
    ELSIF TG_TABLE_NAME = 'activity_comments' THEN
        SELECT ticket_id INTO owner FROM activities WHERE id = (after ->> 'activity_id')::uuid;
    ELSIF TG_TABLE_NAME = 'playbook_answers' THEN
        SELECT ticket_id INTO owner FROM playbook_runs WHERE id = (after ->> 'run_id')::uuid;
    ELSE
        owner := after ->> 'complaint_id';
        owners_class := 'complaint';
    END IF;
    FOREACH held IN ARRAY TG_ARGV LOOP
        IF after -> held <> before -> held THEN
            changes := true;
            forgets := forgets OR after ->> held = '—';
            IF before ->> held IS NULL OR after ->> held IS NULL OR NOT (after ->> held = '—'
                OR left(after ->> held, 1) = chr(1)
                OR (TG_TABLE_NAME = 'notes' AND left(before ->> held, 1) = chr(1)))
            THEN
                RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
            END IF;
        END IF;
        before := before - held;
        after := after - held;
    END LOOP;
    IF before <> after OR NOT changes OR (forgets AND NOT EXISTS (
        SELECT 1 FROM retention_marks WHERE subject = owner AND class = owners_class
    )) THEN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END;
$$;
DROP TRIGGER notes_sealed_alone ON notes;
DROP TRIGGER activity_comments_sealed_alone ON activity_comments;
DROP TRIGGER complaint_entries_sealed_alone ON complaint_entries;
DROP TRIGGER playbook_answers_sealed_alone ON playbook_answers;
DROP TRIGGER complaint_dispatches_sealed_alone ON complaint_dispatches;
DROP TRIGGER notes_no_update ON notes;
CREATE TRIGGER notes_no_update BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION refuse_all_but_forgetting('body');
DROP TRIGGER activity_comments_no_update ON activity_comments;
CREATE TRIGGER activity_comments_no_update BEFORE UPDATE ON activity_comments FOR EACH ROW EXECUTE FUNCTION refuse_all_but_forgetting('body');
DROP TRIGGER playbook_answers_no_update ON playbook_answers;
CREATE TRIGGER playbook_answers_no_update BEFORE UPDATE ON playbook_answers FOR EACH ROW EXECUTE FUNCTION refuse_all_but_forgetting('evidence');
DROP TRIGGER complaint_entries_no_update ON complaint_entries;
CREATE TRIGGER complaint_entries_no_update BEFORE UPDATE ON complaint_entries FOR EACH ROW EXECUTE FUNCTION refuse_all_but_forgetting('note');
DROP TRIGGER complaint_dispatches_no_update ON complaint_dispatches;
CREATE TRIGGER complaint_dispatches_no_update BEFORE UPDATE ON complaint_dispatches FOR EACH ROW EXECUTE FUNCTION refuse_all_but_forgetting('body', 'recipient');

-- The second fence (ADR 0012): holds and marks are the region's and the system's.
ALTER TABLE legal_holds ENABLE ROW LEVEL SECURITY;
ALTER TABLE legal_holds FORCE ROW LEVEL SECURITY;
CREATE POLICY legal_holds_of_region ON legal_holds USING ((SELECT sees_all())) WITH CHECK ((SELECT sees_all()));
CREATE POLICY legal_holds_kept ON legal_holds AS RESTRICTIVE FOR DELETE
    USING ((SELECT current_setting('sportello.scope_kind', true)) = 'system');
ALTER TABLE retention_marks ENABLE ROW LEVEL SECURITY;
ALTER TABLE retention_marks FORCE ROW LEVEL SECURITY;
CREATE POLICY retention_marks_of_region ON retention_marks USING ((SELECT sees_all())) WITH CHECK ((SELECT sees_all()));
