-- What names or reaches people outside of tickets is sealed in the columns where it was (docs/adr/0029),
-- with prints beside it where equal values are looked for. SQL has no keys: the program seals what is
-- there already, and fills the prints, before it serves anybody.
ALTER TABLE email_proofs ADD COLUMN email_print TEXT;
DROP INDEX email_proofs_by_email;
CREATE INDEX email_proofs_by_email ON email_proofs (email_print, created_at);

ALTER TABLE account_lives ADD COLUMN email_print TEXT;
DROP INDEX account_lives_email_key;
CREATE UNIQUE INDEX account_lives_email_print_key ON account_lives (email_print)
    WHERE email_print IS NOT NULL AND state <> 'revoked';

ALTER TABLE federated_identities ADD COLUMN subject_print TEXT;
CREATE UNIQUE INDEX federated_identities_issuer_subject_print_key ON federated_identities (issuer, subject_print);

-- `filed_by_identity` becomes the print of this.
ALTER TABLE complaints ADD COLUMN identity TEXT;
UPDATE complaints SET identity = filed_by_identity WHERE filed_by_identity IS NOT NULL;

-- What opens the blob of a file, sealed (docs/adr/0031); none where the blob is plain.
ALTER TABLE attachments ADD COLUMN blob_secret TEXT;
CREATE INDEX attachments_plain ON attachments (id) WHERE blob_secret IS NULL;

-- What is append-only stays so but for one thing: a value may be sealed, or sealed anew.
DROP TRIGGER attachments_no_update;
CREATE TRIGGER attachments_no_update BEFORE UPDATE OF id, ticket_id, seq, file_kind, size
    ON attachments BEGIN
    SELECT RAISE(ABORT, 'attachments is append-only');
END;
CREATE TRIGGER attachments_sealed_alone BEFORE UPDATE OF file_name, sha256, blob_key, blob_secret
    ON attachments
    WHEN ((NEW.file_name IS NOT OLD.file_name AND substr(NEW.file_name, 1, 1) <> char(1))
        OR (NEW.sha256 IS NOT OLD.sha256 AND substr(NEW.sha256, 1, 1) <> char(1))
        OR (NEW.blob_secret IS NOT OLD.blob_secret
            AND coalesce(substr(NEW.blob_secret, 1, 1), '') <> char(1))
        OR (NEW.blob_key IS NOT OLD.blob_key AND NEW.blob_secret IS OLD.blob_secret)) BEGIN
    SELECT RAISE(ABORT, 'attachments is append-only');
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
DROP TRIGGER complaint_dispatches_no_update;
CREATE TRIGGER complaint_dispatches_no_update BEFORE UPDATE OF id, complaint_id, kind, scheme_id, body, way, message_id, account_id, at
    ON complaint_dispatches BEGIN
    SELECT RAISE(ABORT, 'complaint_dispatches is append-only');
END;
CREATE TRIGGER complaint_dispatches_sealed_alone BEFORE UPDATE OF recipient ON complaint_dispatches
    WHEN (NEW.recipient IS NOT OLD.recipient AND substr(NEW.recipient, 1, 1) <> char(1)) BEGIN
    SELECT RAISE(ABORT, 'complaint_dispatches is append-only');
END;
