DROP TRIGGER activity_comments_no_update;
CREATE TRIGGER activity_comments_no_update BEFORE UPDATE ON activity_comments BEGIN
    SELECT RAISE(ABORT, 'activity_comments is append-only');
END;
DROP TRIGGER notes_no_update;
CREATE TRIGGER notes_no_update BEFORE UPDATE ON notes BEGIN
    SELECT RAISE(ABORT, 'notes is append-only');
END;
DROP TABLE privacy_settings;
