-- The formal life of accounts, their credentials, authorities' readiness, and machine clients.
-- What an account had stays where it was: this version only adds (docs/adr/0011).
CREATE TABLE account_lives (
    account_id UUID NOT NULL PRIMARY KEY REFERENCES accounts (id),
    version BIGINT NOT NULL CHECK (version >= 1),
    state TEXT NOT NULL CHECK (state IN ('requested', 'identified', 'issued', 'activated', 'active',
        'must-change', 'locked', 'suspended', 'revoked', 'expired')),
    home TEXT REFERENCES authorities (code),
    email TEXT,
    person_print TEXT,
    password_set_at TIMESTAMPTZ,
    must_change_by TIMESTAMPTZ,
    password_changes INTEGER NOT NULL,
    second_factor BYTEA,
    second_factor_at TIMESTAMPTZ,
    second_factor_step BIGINT NOT NULL,
    confirmed_at TIMESTAMPTZ
);
CREATE UNIQUE INDEX account_lives_person_print_key ON account_lives (person_print) WHERE person_print IS NOT NULL AND state <> 'revoked';
CREATE UNIQUE INDEX account_lives_email_key ON account_lives (email) WHERE email IS NOT NULL AND state <> 'revoked';
CREATE INDEX account_lives_by_home ON account_lives (home);
CREATE INDEX account_lives_by_end ON account_lives (must_change_by) WHERE must_change_by IS NOT NULL;
INSERT INTO account_lives (account_id, version, state, home, password_set_at, password_changes, second_factor_step)
    SELECT id, 1, CASE WHEN active THEN 'active' ELSE 'suspended' END,
        (SELECT min(authority_code) FROM placements WHERE placements.account_id = accounts.id),
        created_at, 0, 0
    FROM accounts;

-- Accounts' history, beside their state now; append-only like that of tickets.
CREATE TABLE account_events (
    account_id UUID NOT NULL REFERENCES accounts (id),
    seq BIGINT NOT NULL CHECK (seq >= 1),
    at TIMESTAMPTZ NOT NULL,
    kind TEXT NOT NULL,
    actor_account UUID REFERENCES accounts (id),
    detail JSONB NOT NULL,
    PRIMARY KEY (account_id, seq)
);
CREATE INDEX account_events_by_kind ON account_events (kind, at);

-- A pair of codes on its way: one goes hand to hand, the other by mail.
CREATE TABLE credential_issues (
    id UUID NOT NULL PRIMARY KEY,
    account_id UUID NOT NULL REFERENCES accounts (id),
    identification_print TEXT NOT NULL UNIQUE,
    security_print TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    tries INTEGER NOT NULL,
    used_at TIMESTAMPTZ,
    voided_at TIMESTAMPTZ
);
CREATE INDEX credential_issues_by_account ON credential_issues (account_id);
CREATE INDEX credential_issues_by_end ON credential_issues (expires_at) WHERE used_at IS NULL AND voided_at IS NULL;

CREATE TABLE password_history (
    account_id UUID NOT NULL REFERENCES accounts (id),
    set_at TIMESTAMPTZ NOT NULL,
    password_hash TEXT NOT NULL,
    PRIMARY KEY (account_id, set_at)
);

CREATE TABLE recovery_codes (
    account_id UUID NOT NULL REFERENCES accounts (id),
    code_print TEXT NOT NULL,
    used_at TIMESTAMPTZ,
    PRIMARY KEY (account_id, code_print)
);

CREATE TABLE security_answers (
    account_id UUID NOT NULL REFERENCES accounts (id),
    question TEXT NOT NULL,
    answer_hash TEXT NOT NULL,
    PRIMARY KEY (account_id, question)
);

-- Wrong passwords by account and network, so that guessing from one does not lock out another.
CREATE TABLE login_sources (
    account_id UUID NOT NULL REFERENCES accounts (id),
    source TEXT NOT NULL,
    failures INTEGER NOT NULL,
    blocked_until TIMESTAMPTZ,
    succeeded_at TIMESTAMPTZ,
    tried_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account_id, source)
);
CREATE INDEX login_sources_by_age ON login_sources (tried_at);

-- Who a regional identity service vouches for: issuer and subject, never a mail address.
CREATE TABLE federated_identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    account_id UUID NOT NULL REFERENCES accounts (id),
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX federated_identities_by_account ON federated_identities (account_id);

-- Tokens that are good once, until they end anyway.
CREATE TABLE used_tokens (
    print TEXT NOT NULL PRIMARY KEY,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX used_tokens_by_end ON used_tokens (expires_at);

-- How far an authority is on the way to receiving requests; without a row it has not begun.
CREATE TABLE authority_setups (
    authority_code TEXT NOT NULL PRIMARY KEY REFERENCES authorities (code),
    confirmed_at TIMESTAMPTZ,
    confirmed_by UUID REFERENCES accounts (id),
    terms_version TEXT,
    terms_at TIMESTAMPTZ,
    terms_by UUID REFERENCES accounts (id),
    opened_at TIMESTAMPTZ,
    CHECK ((terms_version IS NULL) = (terms_at IS NULL))
);
-- Whoever works already goes on working; what was never confirmed stays to be confirmed.
INSERT INTO authority_setups (authority_code, opened_at)
    SELECT code, (SELECT min(created_at) FROM accounts) FROM authorities
    WHERE code IN (SELECT authority_code FROM placements WHERE active)
        OR code IN (SELECT custodian FROM tickets);

-- One administrator for each authority (domain.md 9.4). Where there are several, nobody ever
-- confirmed anything yet: the lowest id is kept.
UPDATE placements SET active = FALSE WHERE role = 'admin' AND active AND EXISTS (
    SELECT 1 FROM placements other WHERE other.role = 'admin' AND other.active
        AND other.authority_code = placements.authority_code
        AND (other.account_id < placements.account_id
            OR (other.account_id = placements.account_id AND other.id < placements.id)));
CREATE UNIQUE INDEX placements_authority_code_key ON placements (authority_code) WHERE role = 'admin' AND active;

-- Programs that call on their own.
CREATE TABLE clients (
    id UUID NOT NULL PRIMARY KEY,
    label TEXT NOT NULL,
    contact TEXT NOT NULL,
    scopes TEXT NOT NULL,
    voucher_issuer TEXT,
    voucher_client TEXT,
    purposes TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ,
    CHECK ((voucher_issuer IS NULL) = (voucher_client IS NULL))
);
CREATE UNIQUE INDEX clients_voucher_issuer_voucher_client_key ON clients (voucher_issuer, voucher_client)
    WHERE voucher_client IS NOT NULL AND revoked_at IS NULL;

-- What a client proves itself with; two of a kind are good at once while it changes them.
CREATE TABLE client_credentials (
    id UUID NOT NULL PRIMARY KEY,
    client_id UUID NOT NULL REFERENCES clients (id),
    kind TEXT NOT NULL CHECK (kind IN ('secret', 'key', 'certificate')),
    value TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ
);
CREATE INDEX client_credentials_by_client ON client_credentials (client_id);
CREATE UNIQUE INDEX client_credentials_value_key ON client_credentials (value) WHERE kind = 'certificate' AND revoked_at IS NULL;

-- Finds what an operator leaves behind (I-15).
CREATE INDEX tickets_by_assignee ON tickets (assignee) WHERE assignee IS NOT NULL;

ALTER TABLE sessions ADD COLUMN second_factor_at TIMESTAMPTZ;
ALTER TABLE outbox ADD COLUMN account_id UUID REFERENCES accounts (id);
ALTER TABLE outbox ADD COLUMN issue_id UUID REFERENCES credential_issues (id);
ALTER TABLE outbox ADD COLUMN client_id UUID REFERENCES clients (id);

CREATE TRIGGER account_events_no_update BEFORE UPDATE ON account_events FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER account_events_no_delete BEFORE DELETE ON account_events FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER account_events_no_truncate BEFORE TRUNCATE ON account_events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
