-- Whether an authority's requests keep their texts sealed (docs/adr/0032): what requesters and desks write on
-- them. It costs searching words in them.
CREATE TABLE privacy_settings (
    authority_code TEXT NOT NULL PRIMARY KEY REFERENCES authorities (code),
    version BIGINT NOT NULL CHECK (version >= 1),
    seal_texts BOOLEAN NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    updated_by UUID NOT NULL REFERENCES accounts (id)
);

-- A note keeps its words: it may be sealed, opened and sealed with another key, and nothing else.
DROP TRIGGER notes_no_update ON notes;
CREATE TRIGGER notes_no_update BEFORE UPDATE ON notes FOR EACH ROW
WHEN (NOT ((NEW.ticket_id, NEW.seq, NEW.kind, NEW.audience, NEW.team, NEW.party)
        IS NOT DISTINCT FROM (OLD.ticket_id, OLD.seq, OLD.kind, OLD.audience, OLD.team, OLD.party)
    AND (starts_with(NEW.body, E'\x01') OR starts_with(OLD.body, E'\x01'))))
EXECUTE FUNCTION refuse_change();
DROP TRIGGER activity_comments_no_update ON activity_comments;
CREATE TRIGGER activity_comments_no_update BEFORE UPDATE ON activity_comments FOR EACH ROW
WHEN (NOT ((NEW.id, NEW.activity_id, NEW.at, NEW.account_id, NEW.desk, NEW.client_id, NEW.external_id)
        IS NOT DISTINCT FROM (OLD.id, OLD.activity_id, OLD.at, OLD.account_id, OLD.desk, OLD.client_id, OLD.external_id)
    AND starts_with(NEW.body, E'\x01')))
EXECUTE FUNCTION refuse_change();
