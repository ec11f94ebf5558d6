DROP TRIGGER complaint_dispatches_sealed_alone ON complaint_dispatches;
DROP TRIGGER complaint_dispatches_no_update ON complaint_dispatches;
CREATE TRIGGER complaint_dispatches_no_update BEFORE UPDATE OF id, complaint_id, kind, scheme_id, body, way, message_id, account_id, at
    ON complaint_dispatches FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER complaint_dispatches_sealed_alone BEFORE UPDATE OF recipient ON complaint_dispatches FOR EACH ROW
    WHEN (NEW.recipient IS DISTINCT FROM OLD.recipient AND substr(NEW.recipient, 1, 1) <> chr(1))
    EXECUTE FUNCTION refuse_change();
DROP TRIGGER complaint_entries_sealed_alone ON complaint_entries;
DROP TRIGGER complaint_entries_no_update ON complaint_entries;
CREATE TRIGGER complaint_entries_no_update BEFORE UPDATE ON complaint_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
DROP TRIGGER activity_comments_sealed_alone ON activity_comments;
DROP TRIGGER activity_comments_no_update ON activity_comments;
CREATE TRIGGER activity_comments_no_update BEFORE UPDATE ON activity_comments FOR EACH ROW EXECUTE FUNCTION refuse_change();
DROP TRIGGER notes_sealed_alone ON notes;
DROP TRIGGER notes_no_update ON notes;
CREATE TRIGGER notes_no_update BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION refuse_change();

DROP TABLE privacy_settings;
