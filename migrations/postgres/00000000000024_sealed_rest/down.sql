DROP TRIGGER complaint_dispatches_sealed_alone ON complaint_dispatches;
DROP TRIGGER complaint_dispatches_no_update ON complaint_dispatches;
CREATE TRIGGER complaint_dispatches_no_update BEFORE UPDATE ON complaint_dispatches FOR EACH ROW EXECUTE FUNCTION refuse_change();
DROP TRIGGER playbook_answers_sealed_alone ON playbook_answers;
DROP TRIGGER playbook_answers_no_update ON playbook_answers;
CREATE TRIGGER playbook_answers_no_update BEFORE UPDATE ON playbook_answers FOR EACH ROW EXECUTE FUNCTION refuse_change();
DROP TRIGGER attachments_sealed_alone ON attachments;
DROP TRIGGER attachments_no_update ON attachments;
CREATE TRIGGER attachments_no_update BEFORE UPDATE ON attachments FOR EACH ROW EXECUTE FUNCTION refuse_change();

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
