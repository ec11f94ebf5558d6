DROP TRIGGER complaint_dispatches_sealed_alone;
DROP TRIGGER complaint_dispatches_no_update;
CREATE TRIGGER complaint_dispatches_no_update BEFORE UPDATE ON complaint_dispatches BEGIN
    SELECT RAISE(ABORT, 'complaint_dispatches is append-only');
END;
DROP TRIGGER playbook_answers_sealed_alone;
DROP TRIGGER playbook_answers_no_update;
CREATE TRIGGER playbook_answers_no_update BEFORE UPDATE ON playbook_answers BEGIN
    SELECT RAISE(ABORT, 'playbook_answers is append-only');
END;
DROP TRIGGER attachments_sealed_alone;
DROP TRIGGER attachments_no_update;
CREATE TRIGGER attachments_no_update BEFORE UPDATE ON attachments BEGIN
    SELECT RAISE(ABORT, 'attachments is append-only');
END;

DROP INDEX attachments_plain;
ALTER TABLE attachments DROP COLUMN blob_secret;

ALTER TABLE complaints DROP COLUMN identity;

DROP INDEX federated_identities_issuer_subject_print_key;
ALTER TABLE federated_identities DROP COLUMN subject_print;

DROP INDEX account_lives_email_print_key;
CREATE UNIQUE INDEX account_lives_email_key ON account_lives (email) WHERE email IS NOT NULL AND state <> 'revoked';
ALTER TABLE account_lives DROP COLUMN email_print;

DROP INDEX email_proofs_by_email;
CREATE INDEX email_proofs_by_email ON email_proofs (email, created_at);
ALTER TABLE email_proofs DROP COLUMN email_print;
