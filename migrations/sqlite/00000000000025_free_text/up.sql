-- Whether an authority's requests keep their texts sealed (docs/adr/0032): what requesters and desks write on
-- them. It costs searching words in them.
CREATE TABLE privacy_settings (
    authority_code TEXT NOT NULL PRIMARY KEY REFERENCES authorities (code),
    version BIGINT NOT NULL CHECK (version >= 1),
    seal_texts BOOLEAN NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by BLOB NOT NULL REFERENCES accounts (id)
);

-- A note keeps its words: it may be sealed, opened and sealed with another key, and nothing else.
DROP TRIGGER notes_no_update;
CREATE TRIGGER notes_no_update BEFORE UPDATE ON notes
WHEN NOT (NEW.ticket_id IS OLD.ticket_id AND NEW.seq IS OLD.seq AND NEW.kind IS OLD.kind AND NEW.audience IS OLD.audience
    AND NEW.team IS OLD.team AND NEW.party IS OLD.party
    AND (substr(NEW.body, 1, 1) = char(1) OR substr(OLD.body, 1, 1) = char(1)))
BEGIN
    SELECT RAISE(ABORT, 'notes is append-only');
END;
DROP TRIGGER activity_comments_no_update;
CREATE TRIGGER activity_comments_no_update BEFORE UPDATE ON activity_comments
WHEN NOT (NEW.id IS OLD.id AND NEW.activity_id IS OLD.activity_id AND NEW.at IS OLD.at AND NEW.account_id IS OLD.account_id
    AND NEW.desk IS OLD.desk AND NEW.client_id IS OLD.client_id AND NEW.external_id IS OLD.external_id
    AND substr(NEW.body, 1, 1) = char(1))
BEGIN
    SELECT RAISE(ABORT, 'activity_comments is append-only');
END;
