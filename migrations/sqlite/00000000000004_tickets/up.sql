-- The ticket as it is now, beside its append-only history (ADR 0001).
CREATE TABLE tickets (
    id BLOB NOT NULL PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    version BIGINT NOT NULL CHECK (version >= 1),
    service_code TEXT NOT NULL REFERENCES services (code),
    problem_type TEXT NOT NULL,
    declared_authority TEXT REFERENCES authorities (code),
    custodian TEXT NOT NULL REFERENCES authorities (code),
    at_region BOOLEAN NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('new', 'in-progress', 'awaiting-info', 'not-competent',
        'external-work', 'resolved', 'auto-closed', 'removed')),
    state_since BIGINT,
    timer_at BIGINT,
    resolution_code TEXT,
    assignee TEXT,
    tallies TEXT NOT NULL,
    needs_attention BOOLEAN NOT NULL,
    priority INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 4),
    kind TEXT,
    tags TEXT NOT NULL,
    channel TEXT NOT NULL,
    requester_kind TEXT NOT NULL CHECK (requester_kind IN ('anonymous', 'citizen', 'staff')),
    requester_identity TEXT,
    tax_code TEXT NOT NULL,
    given_name TEXT NOT NULL,
    family_name TEXT NOT NULL,
    email TEXT NOT NULL,
    phone TEXT,
    description TEXT,
    details TEXT NOT NULL,
    follow_up_of BLOB REFERENCES tickets (id),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    FOREIGN KEY (service_code, problem_type) REFERENCES problem_types (service_code, code),
    CHECK (state <> 'not-competent' OR at_region),
    CHECK (state <> 'external-work' OR at_region),
    CHECK (state NOT IN ('resolved', 'auto-closed') OR resolution_code IS NOT NULL),
    CHECK (state NOT IN ('resolved', 'awaiting-info') OR timer_at IS NOT NULL),
    CHECK (requester_kind <> 'citizen' OR requester_identity IS NOT NULL)
);
CREATE INDEX tickets_by_custodian ON tickets (custodian, created_at, id);
CREATE INDEX tickets_open ON tickets (custodian, created_at, id) WHERE state NOT IN ('resolved', 'auto-closed', 'removed');
CREATE INDEX tickets_by_update ON tickets (custodian, updated_at, id);
CREATE INDEX tickets_by_due ON tickets (custodian, due_at, id);
CREATE INDEX tickets_by_priority ON tickets (custodian, priority, id);
CREATE INDEX tickets_by_state ON tickets (custodian, state, needs_attention);
CREATE INDEX tickets_everywhere_by_update ON tickets (updated_at, id);
CREATE INDEX tickets_everywhere_by_due ON tickets (due_at, id);
CREATE INDEX tickets_everywhere_by_priority ON tickets (priority, id);
CREATE INDEX tickets_by_creation ON tickets (created_at, id);
CREATE INDEX tickets_by_requester ON tickets (requester_identity, created_at, id);
CREATE INDEX tickets_by_timer ON tickets (timer_at, id) WHERE timer_at IS NOT NULL;
CREATE INDEX tickets_by_tax_code ON tickets (tax_code);
CREATE INDEX tickets_by_email ON tickets (email);
CREATE INDEX tickets_by_phone ON tickets (phone);
CREATE INDEX tickets_by_family_name ON tickets (family_name);
CREATE INDEX tickets_by_follow_up ON tickets (follow_up_of) WHERE follow_up_of IS NOT NULL;
CREATE INDEX tickets_by_service ON tickets (service_code, problem_type);

CREATE TABLE ticket_events (
    ticket_id BLOB NOT NULL REFERENCES tickets (id),
    seq BIGINT NOT NULL CHECK (seq >= 1),
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    actor_kind TEXT NOT NULL CHECK (actor_kind IN ('system', 'requester', 'staff')),
    actor_account BLOB REFERENCES accounts (id),
    actor_desk TEXT REFERENCES authorities (code),
    change TEXT NOT NULL,
    PRIMARY KEY (ticket_id, seq),
    CHECK ((actor_kind = 'staff') = (actor_account IS NOT NULL)),
    CHECK ((actor_kind = 'staff') = (actor_desk IS NOT NULL))
);

CREATE TABLE notes (
    ticket_id BLOB NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('message', 'note', 'system')),
    audience TEXT NOT NULL CHECK (audience IN ('citizen', 'region', 'authority', 'technical', 'team')),
    team TEXT REFERENCES authorities (code),
    party TEXT REFERENCES authorities (code),
    body TEXT NOT NULL,
    PRIMARY KEY (ticket_id, seq),
    FOREIGN KEY (ticket_id, seq) REFERENCES ticket_events (ticket_id, seq)
);

CREATE TABLE attachments (
    id BLOB NOT NULL PRIMARY KEY,
    ticket_id BLOB NOT NULL,
    seq BIGINT NOT NULL,
    file_name TEXT NOT NULL,
    file_kind TEXT NOT NULL,
    size BIGINT NOT NULL CHECK (size > 0),
    sha256 TEXT NOT NULL,
    blob_key TEXT NOT NULL,
    FOREIGN KEY (ticket_id, seq) REFERENCES ticket_events (ticket_id, seq)
);
CREATE INDEX attachments_by_ticket ON attachments (ticket_id, seq);
CREATE INDEX attachments_by_blob ON attachments (blob_key);

CREATE TABLE legs (
    ticket_id BLOB NOT NULL REFERENCES tickets (id),
    no INTEGER NOT NULL CHECK (no >= 1),
    custodian TEXT NOT NULL REFERENCES authorities (code),
    opened_at BIGINT NOT NULL,
    closed_at BIGINT,
    closed_seq BIGINT,
    outcome TEXT CHECK (outcome IN ('resolved', 'not-competent', 'returned', 'rerouted', 'withdrawn', 'removed')),
    PRIMARY KEY (ticket_id, no),
    CHECK ((closed_at IS NULL) = (closed_seq IS NULL) AND (closed_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX legs_by_custodian ON legs (custodian, ticket_id);

-- History is append-only: the database is the last reviewer.
CREATE TRIGGER ticket_events_no_update BEFORE UPDATE ON ticket_events BEGIN
    SELECT RAISE(ABORT, 'ticket_events is append-only');
END;
CREATE TRIGGER ticket_events_no_delete BEFORE DELETE ON ticket_events BEGIN
    SELECT RAISE(ABORT, 'ticket_events is append-only');
END;
CREATE TRIGGER notes_no_update BEFORE UPDATE ON notes BEGIN
    SELECT RAISE(ABORT, 'notes is append-only');
END;
CREATE TRIGGER notes_no_delete BEFORE DELETE ON notes BEGIN
    SELECT RAISE(ABORT, 'notes is append-only');
END;
CREATE TRIGGER attachments_no_update BEFORE UPDATE ON attachments BEGIN
    SELECT RAISE(ABORT, 'attachments is append-only');
END;
