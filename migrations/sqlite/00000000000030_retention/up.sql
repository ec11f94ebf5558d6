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
    created_at BIGINT NOT NULL,
    created_by BLOB NOT NULL REFERENCES accounts (id),
    PRIMARY KEY (authority_code, version)
);

-- What must not go, whatever its term says. Who it is about and why are sealed.
CREATE TABLE legal_holds (
    id BLOB NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('ticket', 'authority', 'person')),
    ticket_id BLOB REFERENCES tickets (id),
    authority_code TEXT REFERENCES authorities (code),
    person TEXT,
    person_print TEXT,
    reason TEXT NOT NULL,
    until BIGINT,
    created_at BIGINT NOT NULL,
    created_by BLOB NOT NULL REFERENCES accounts (id),
    ended_at BIGINT,
    ended_by BLOB REFERENCES accounts (id),
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
    subject BLOB NOT NULL,
    class TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('ticket', 'complaint', 'contact', 'callback')),
    run_id BLOB NOT NULL,
    named TEXT NOT NULL,
    authority_code TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (subject, class)
);
CREATE INDEX retention_marks_by_run ON retention_marks (run_id, named);

-- The bytes that went with them; still to be deleted from the store while there is no time.
CREATE TABLE retention_blobs (
    blob_key TEXT NOT NULL PRIMARY KEY,
    run_id BLOB NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX retention_blobs_by_run ON retention_blobs (run_id);
CREATE INDEX retention_blobs_waiting ON retention_blobs (blob_key) WHERE deleted_at IS NULL;

-- Runs, and the proof of each: what was done by which schedules, and what was kept and why.
CREATE TABLE retention_runs (
    id BLOB NOT NULL PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done')),
    due_by BIGINT NOT NULL,
    authority_code TEXT,
    node TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    schedules TEXT NOT NULL,
    due BIGINT NOT NULL,
    in_stock BIGINT NOT NULL,
    confirmed_at BIGINT,
    ended_at BIGINT,
    counts TEXT,
    kept TEXT,
    digest TEXT,
    CHECK ((ended_at IS NULL) = (state <> 'done')),
    CHECK ((ended_at IS NULL) = (digest IS NULL))
);
CREATE INDEX retention_runs_by_time ON retention_runs (started_at, id);

-- What was due is found along this.
CREATE INDEX tickets_over ON tickets (state_since, id) WHERE state IN ('auto-closed', 'removed');

CREATE TRIGGER retention_schedules_no_update BEFORE UPDATE ON retention_schedules BEGIN
    SELECT RAISE(ABORT, 'retention_schedules is append-only');
END;
CREATE TRIGGER retention_schedules_no_delete BEFORE DELETE ON retention_schedules BEGIN
    SELECT RAISE(ABORT, 'retention_schedules is append-only');
END;
CREATE TRIGGER retention_marks_no_update BEFORE UPDATE ON retention_marks BEGIN
    SELECT RAISE(ABORT, 'retention_marks is append-only');
END;
CREATE TRIGGER retention_marks_no_delete BEFORE DELETE ON retention_marks BEGIN
    SELECT RAISE(ABORT, 'retention_marks is append-only');
END;
CREATE TRIGGER retention_runs_no_delete BEFORE DELETE ON retention_runs BEGIN
    SELECT RAISE(ABORT, 'retention_runs is append-only');
END;

-- What was written stays, but for two changes, in a row that is otherwise as it was: a text whose time is
-- over becomes a dash, once a mark says that its class went; and a text is sealed, or sealed anew, or of a
-- note opened again (docs/adr/0032).
DROP TRIGGER notes_sealed_alone;
DROP TRIGGER activity_comments_sealed_alone;
DROP TRIGGER complaint_entries_sealed_alone;
DROP TRIGGER playbook_answers_sealed_alone;
DROP TRIGGER complaint_dispatches_sealed_alone;
DROP TRIGGER notes_no_update;
CREATE TRIGGER notes_no_update BEFORE UPDATE ON notes WHEN NOT coalesce(
    NEW.ticket_id IS OLD.ticket_id AND NEW.seq IS OLD.seq AND NEW.kind IS OLD.kind AND NEW.audience IS
    OLD.audience AND NEW.team IS OLD.team AND NEW.party IS OLD.party
    AND (NEW.body IS OLD.body OR OLD.body IS NOT NULL AND (substr(NEW.body, 1, 1) = char(1) OR substr(OLD.body, 1, 1) = char(1)
        OR NEW.body = '—' AND EXISTS (SELECT 1 FROM retention_marks
            WHERE subject = OLD.ticket_id AND class = 'health-text')))
    AND NOT (NEW.body IS OLD.body), false)
BEGIN
    SELECT RAISE(ABORT, 'notes is append-only');
END;
DROP TRIGGER activity_comments_no_update;
CREATE TRIGGER activity_comments_no_update BEFORE UPDATE ON activity_comments WHEN NOT coalesce(
    NEW.id IS OLD.id AND NEW.activity_id IS OLD.activity_id AND NEW.at IS OLD.at AND NEW.account_id IS
    OLD.account_id AND NEW.desk IS OLD.desk AND NEW.client_id IS OLD.client_id AND NEW.external_id IS
    OLD.external_id
    AND (NEW.body IS OLD.body OR OLD.body IS NOT NULL AND (substr(NEW.body, 1, 1) = char(1)
        OR NEW.body = '—' AND EXISTS (SELECT 1 FROM retention_marks
            WHERE subject = (SELECT ticket_id FROM activities WHERE id = OLD.activity_id) AND class = 'health-text')))
    AND NOT (NEW.body IS OLD.body), false)
BEGIN
    SELECT RAISE(ABORT, 'activity_comments is append-only');
END;
DROP TRIGGER playbook_answers_no_update;
CREATE TRIGGER playbook_answers_no_update BEFORE UPDATE ON playbook_answers WHEN NOT coalesce(
    NEW.run_id IS OLD.run_id AND NEW.seq IS OLD.seq AND NEW.playbook IS OLD.playbook AND NEW.version IS
    OLD.version AND NEW.check_code IS OLD.check_code AND NEW.answer IS OLD.answer AND NEW.account_id IS
    OLD.account_id AND NEW.at IS OLD.at
    AND (NEW.evidence IS OLD.evidence OR OLD.evidence IS NOT NULL AND (substr(NEW.evidence, 1, 1) = char(1)
        OR NEW.evidence = '—' AND EXISTS (SELECT 1 FROM retention_marks
            WHERE subject = (SELECT ticket_id FROM playbook_runs WHERE id = OLD.run_id) AND class = 'health-text')))
    AND NOT (NEW.evidence IS OLD.evidence), false)
BEGIN
    SELECT RAISE(ABORT, 'playbook_answers is append-only');
END;
DROP TRIGGER complaint_entries_no_update;
CREATE TRIGGER complaint_entries_no_update BEFORE UPDATE ON complaint_entries WHEN NOT coalesce(
    NEW.complaint_id IS OLD.complaint_id AND NEW.seq IS OLD.seq AND NEW.at IS OLD.at AND NEW.account_id
    IS OLD.account_id AND NEW.step IS OLD.step AND NEW.state IS OLD.state
    AND (NEW.note IS OLD.note OR OLD.note IS NOT NULL AND (substr(NEW.note, 1, 1) = char(1)
        OR NEW.note = '—' AND EXISTS (SELECT 1 FROM retention_marks
            WHERE subject = OLD.complaint_id AND class = 'complaint')))
    AND NOT (NEW.note IS OLD.note), false)
BEGIN
    SELECT RAISE(ABORT, 'complaint_entries is append-only');
END;
DROP TRIGGER complaint_dispatches_no_update;
CREATE TRIGGER complaint_dispatches_no_update BEFORE UPDATE ON complaint_dispatches WHEN NOT coalesce(
    NEW.id IS OLD.id AND NEW.complaint_id IS OLD.complaint_id AND NEW.kind IS OLD.kind AND NEW.scheme_id
    IS OLD.scheme_id AND NEW.way IS OLD.way AND NEW.message_id IS OLD.message_id AND NEW.account_id IS
    OLD.account_id AND NEW.at IS OLD.at
    AND (NEW.body IS OLD.body OR OLD.body IS NOT NULL AND (substr(NEW.body, 1, 1) = char(1)
        OR NEW.body = '—' AND EXISTS (SELECT 1 FROM retention_marks
            WHERE subject = OLD.complaint_id AND class = 'complaint')))
    AND (NEW.recipient IS OLD.recipient OR OLD.recipient IS NOT NULL AND (substr(NEW.recipient, 1, 1) = char(1)
        OR NEW.recipient = '—' AND EXISTS (SELECT 1 FROM retention_marks
            WHERE subject = OLD.complaint_id AND class = 'complaint')))
    AND NOT (NEW.body IS OLD.body AND NEW.recipient IS OLD.recipient), false)
BEGIN
    SELECT RAISE(ABORT, 'complaint_dispatches is append-only');
END;
