DROP TRIGGER notes_no_update;
CREATE TRIGGER notes_no_update BEFORE UPDATE OF ticket_id, seq, kind, audience, team, party
    ON notes BEGIN
    SELECT RAISE(ABORT, 'notes is append-only');
END;
CREATE TRIGGER notes_sealed_alone BEFORE UPDATE OF body ON notes
    WHEN ((NEW.body IS NOT OLD.body AND coalesce(substr(NEW.body, 1, 1), '') <> char(1) AND coalesce(substr(OLD.body, 1, 1), '') <> char(1))) BEGIN
    SELECT RAISE(ABORT, 'notes is append-only');
END;
DROP TRIGGER activity_comments_no_update;
CREATE TRIGGER activity_comments_no_update BEFORE UPDATE OF id, activity_id, at, account_id, desk, client_id, external_id
    ON activity_comments BEGIN
    SELECT RAISE(ABORT, 'activity_comments is append-only');
END;
CREATE TRIGGER activity_comments_sealed_alone BEFORE UPDATE OF body ON activity_comments
    WHEN ((NEW.body IS NOT OLD.body AND coalesce(substr(NEW.body, 1, 1), '') <> char(1))) BEGIN
    SELECT RAISE(ABORT, 'activity_comments is append-only');
END;
DROP TRIGGER playbook_answers_no_update;
CREATE TRIGGER playbook_answers_no_update BEFORE UPDATE OF run_id, seq, playbook, version, check_code, answer, account_id, at
    ON playbook_answers BEGIN
    SELECT RAISE(ABORT, 'playbook_answers is append-only');
END;
CREATE TRIGGER playbook_answers_sealed_alone BEFORE UPDATE OF evidence ON playbook_answers
    WHEN (NEW.evidence IS NOT OLD.evidence AND coalesce(substr(NEW.evidence, 1, 1), '') <> char(1)) BEGIN
    SELECT RAISE(ABORT, 'playbook_answers is append-only');
END;
DROP TRIGGER complaint_entries_no_update;
CREATE TRIGGER complaint_entries_no_update BEFORE UPDATE OF complaint_id, seq, at, account_id, step, state
    ON complaint_entries BEGIN
    SELECT RAISE(ABORT, 'complaint_entries is append-only');
END;
CREATE TRIGGER complaint_entries_sealed_alone BEFORE UPDATE OF note ON complaint_entries
    WHEN ((NEW.note IS NOT OLD.note AND coalesce(substr(NEW.note, 1, 1), '') <> char(1))) BEGIN
    SELECT RAISE(ABORT, 'complaint_entries is append-only');
END;
DROP TRIGGER complaint_dispatches_no_update;
CREATE TRIGGER complaint_dispatches_no_update BEFORE UPDATE OF id, complaint_id, kind, scheme_id, way, message_id, account_id, at
    ON complaint_dispatches BEGIN
    SELECT RAISE(ABORT, 'complaint_dispatches is append-only');
END;
CREATE TRIGGER complaint_dispatches_sealed_alone BEFORE UPDATE OF recipient, body ON complaint_dispatches
    WHEN ((NEW.recipient IS NOT OLD.recipient AND coalesce(substr(NEW.recipient, 1, 1), '') <> char(1))
        OR (NEW.body IS NOT OLD.body AND coalesce(substr(NEW.body, 1, 1), '') <> char(1))) BEGIN
    SELECT RAISE(ABORT, 'complaint_dispatches is append-only');
END;

DROP INDEX tickets_over;
DROP TABLE retention_runs;
DROP TABLE retention_blobs;
DROP TABLE retention_marks;
DROP TABLE legal_holds;
DROP TABLE retention_schedules;
