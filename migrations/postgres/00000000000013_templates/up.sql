-- Words of a desk's own for the mails about its requests (docs/adr/0018). A change is a row; without
-- words it goes back to the standard text, which is version 1 and has no row.
CREATE TABLE message_wordings (
    authority_code TEXT NOT NULL REFERENCES authorities (code),
    template TEXT NOT NULL,
    version BIGINT NOT NULL CHECK (version >= 2),
    lang TEXT NOT NULL CHECK (lang IN ('it', 'en')),
    subject TEXT,
    body TEXT,
    account_id UUID NOT NULL REFERENCES accounts (id),
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (authority_code, template, version),
    CHECK ((subject IS NULL) = (body IS NULL))
);
CREATE TRIGGER message_wordings_no_update BEFORE UPDATE ON message_wordings FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER message_wordings_no_delete BEFORE DELETE ON message_wordings FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER message_wordings_no_truncate BEFORE TRUNCATE ON message_wordings FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
