DROP TABLE idempotency_keys;
DROP TABLE email_proofs;
DROP TABLE outbox;
