DROP TRIGGER notes_no_update ON notes;
CREATE TRIGGER notes_no_update BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION refuse_change();
DROP TRIGGER activity_comments_no_update ON activity_comments;
CREATE TRIGGER activity_comments_no_update BEFORE UPDATE ON activity_comments FOR EACH ROW EXECUTE FUNCTION refuse_change();
DROP TRIGGER playbook_answers_no_update ON playbook_answers;
DROP TRIGGER complaint_entries_no_update ON complaint_entries;
CREATE TRIGGER complaint_entries_no_update BEFORE UPDATE ON complaint_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
DROP TRIGGER complaint_dispatches_no_update ON complaint_dispatches;
CREATE TRIGGER playbook_answers_no_update BEFORE UPDATE OF run_id, seq, playbook, version, check_code, answer, account_id, at
    ON playbook_answers FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER playbook_answers_sealed_alone BEFORE UPDATE OF evidence ON playbook_answers FOR EACH ROW
    WHEN (NEW.evidence IS DISTINCT FROM OLD.evidence AND coalesce(substr(NEW.evidence, 1, 1), '') <> chr(1))
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER complaint_dispatches_no_update BEFORE UPDATE OF id, complaint_id, kind, scheme_id, body, way, message_id, account_id, at
    ON complaint_dispatches FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER complaint_dispatches_sealed_alone BEFORE UPDATE OF recipient ON complaint_dispatches FOR EACH ROW
    WHEN (NEW.recipient IS DISTINCT FROM OLD.recipient AND substr(NEW.recipient, 1, 1) <> chr(1))
    EXECUTE FUNCTION refuse_change();
DROP FUNCTION refuse_all_but_forgetting();
DROP INDEX tickets_over;
DROP TABLE retention_runs;
DROP TABLE retention_blobs;
DROP TABLE retention_marks;
DROP TABLE legal_holds;
DROP TABLE retention_schedules;
