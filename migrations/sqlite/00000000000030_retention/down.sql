DROP TRIGGER notes_no_update;
CREATE TRIGGER notes_no_update BEFORE UPDATE ON notes BEGIN
    SELECT RAISE(ABORT, 'notes is append-only');
END;
DROP TRIGGER activity_comments_no_update;
CREATE TRIGGER activity_comments_no_update BEFORE UPDATE ON activity_comments BEGIN
    SELECT RAISE(ABORT, 'activity_comments is append-only');
END;
DROP TRIGGER playbook_answers_no_update;
CREATE TRIGGER playbook_answers_no_update BEFORE UPDATE ON playbook_answers BEGIN
    SELECT RAISE(ABORT, 'playbook_answers is append-only');
END;
DROP TRIGGER complaint_entries_no_update;
CREATE TRIGGER complaint_entries_no_update BEFORE UPDATE ON complaint_entries BEGIN
    SELECT RAISE(ABORT, 'complaint_entries is append-only');
END;
DROP TRIGGER complaint_dispatches_no_update;
CREATE TRIGGER complaint_dispatches_no_update BEFORE UPDATE ON complaint_dispatches BEGIN
    SELECT RAISE(ABORT, 'complaint_dispatches is append-only');
END;
DROP INDEX tickets_over;
DROP TABLE retention_runs;
DROP TABLE retention_blobs;
DROP TABLE retention_marks;
DROP TABLE legal_holds;
DROP TABLE retention_schedules;
