-- What is on its way out, and what must happen once only.
CREATE TABLE outbox (
    id BLOB NOT NULL PRIMARY KEY,
    ticket_id BLOB REFERENCES tickets (id),
    seq BIGINT,
    proof_id BLOB,
    template TEXT NOT NULL,
    recipient TEXT NOT NULL,
    lang TEXT NOT NULL CHECK (lang IN ('it', 'en')),
    state TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'parked')),
    attempts INTEGER NOT NULL,
    due_at BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    sent_at BIGINT,
    CHECK ((state = 'sent') = (sent_at IS NOT NULL))
);
CREATE INDEX outbox_due ON outbox (due_at, id) WHERE state = 'pending';
CREATE INDEX outbox_by_ticket ON outbox (ticket_id);

CREATE TABLE email_proofs (
    id BLOB NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    source TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    tries INTEGER NOT NULL,
    verified_at BIGINT,
    used_at BIGINT
);
CREATE INDEX email_proofs_by_email ON email_proofs (email, created_at);
CREATE INDEX email_proofs_by_source ON email_proofs (source, created_at);

CREATE TABLE idempotency_keys (
    principal TEXT NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    answer BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (principal, route, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
