DROP TRIGGER notes_no_update ON notes;
CREATE TRIGGER notes_no_update BEFORE UPDATE OF ticket_id, seq, kind, audience, team, party
    ON notes FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER notes_sealed_alone BEFORE UPDATE OF body ON notes FOR EACH ROW
    WHEN ((NEW.body IS DISTINCT FROM OLD.body AND coalesce(substr(NEW.body, 1, 1), '') <> chr(1) AND coalesce(substr(OLD.body, 1, 1), '') <> chr(1)))
    EXECUTE FUNCTION refuse_change();
DROP TRIGGER activity_comments_no_update ON activity_comments;
CREATE TRIGGER activity_comments_no_update BEFORE UPDATE OF id, activity_id, at, account_id, desk, client_id, external_id
    ON activity_comments FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER activity_comments_sealed_alone BEFORE UPDATE OF body ON activity_comments FOR EACH ROW
    WHEN ((NEW.body IS DISTINCT FROM OLD.body AND coalesce(substr(NEW.body, 1, 1), '') <> chr(1)))
    EXECUTE FUNCTION refuse_change();
DROP TRIGGER playbook_answers_no_update ON playbook_answers;
CREATE TRIGGER playbook_answers_no_update BEFORE UPDATE OF run_id, seq, playbook, version, check_code, answer, account_id, at
    ON playbook_answers FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER playbook_answers_sealed_alone BEFORE UPDATE OF evidence ON playbook_answers FOR EACH ROW
    WHEN (NEW.evidence IS DISTINCT FROM OLD.evidence AND coalesce(substr(NEW.evidence, 1, 1), '') <> chr(1))
    EXECUTE FUNCTION refuse_change();
DROP TRIGGER complaint_entries_no_update ON complaint_entries;
CREATE TRIGGER complaint_entries_no_update BEFORE UPDATE OF complaint_id, seq, at, account_id, step, state
    ON complaint_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER complaint_entries_sealed_alone BEFORE UPDATE OF note ON complaint_entries FOR EACH ROW
    WHEN ((NEW.note IS DISTINCT FROM OLD.note AND coalesce(substr(NEW.note, 1, 1), '') <> chr(1)))
    EXECUTE FUNCTION refuse_change();
DROP TRIGGER complaint_dispatches_no_update ON complaint_dispatches;
CREATE TRIGGER complaint_dispatches_no_update BEFORE UPDATE OF id, complaint_id, kind, scheme_id, way, message_id, account_id, at
    ON complaint_dispatches FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER complaint_dispatches_sealed_alone BEFORE UPDATE OF recipient, body ON complaint_dispatches FOR EACH ROW
    WHEN ((NEW.recipient IS DISTINCT FROM OLD.recipient AND coalesce(substr(NEW.recipient, 1, 1), '') <> chr(1))
        OR (NEW.body IS DISTINCT FROM OLD.body AND coalesce(substr(NEW.body, 1, 1), '') <> chr(1)))
    EXECUTE FUNCTION refuse_change();

DROP FUNCTION refuse_all_but_forgetting();
DROP INDEX tickets_over;
DROP TABLE retention_runs;
DROP TABLE retention_blobs;
DROP TABLE retention_marks;
DROP TABLE legal_holds;
DROP TABLE retention_schedules;
