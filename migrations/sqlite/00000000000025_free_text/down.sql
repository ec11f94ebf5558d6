DROP TRIGGER complaint_dispatches_sealed_alone;
DROP TRIGGER complaint_dispatches_no_update;
CREATE TRIGGER complaint_dispatches_no_update BEFORE UPDATE OF id, complaint_id, kind, scheme_id, body, way, message_id, account_id, at
    ON complaint_dispatches BEGIN
    SELECT RAISE(ABORT, 'complaint_dispatches is append-only');
END;
CREATE TRIGGER complaint_dispatches_sealed_alone BEFORE UPDATE OF recipient ON complaint_dispatches
    WHEN (NEW.recipient IS NOT OLD.recipient AND substr(NEW.recipient, 1, 1) <> char(1)) BEGIN
    SELECT RAISE(ABORT, 'complaint_dispatches is append-only');
END;
DROP TRIGGER complaint_entries_sealed_alone;
DROP TRIGGER complaint_entries_no_update;
CREATE TRIGGER complaint_entries_no_update BEFORE UPDATE ON complaint_entries BEGIN
    SELECT RAISE(ABORT, 'complaint_entries is append-only');
END;
DROP TRIGGER activity_comments_sealed_alone;
DROP TRIGGER activity_comments_no_update;
CREATE TRIGGER activity_comments_no_update BEFORE UPDATE ON activity_comments BEGIN
    SELECT RAISE(ABORT, 'activity_comments is append-only');
END;
DROP TRIGGER notes_sealed_alone;
DROP TRIGGER notes_no_update;
CREATE TRIGGER notes_no_update BEFORE UPDATE ON notes BEGIN
    SELECT RAISE(ABORT, 'notes is append-only');
END;

DROP TABLE privacy_settings;
