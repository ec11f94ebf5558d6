-- What people ask about their own data (GDPR 15-21, docs/adr/0038): a register. Whoever asks, what the person is
-- told and the words that name them are sealed under the installation's key; prints find the person again.
CREATE TABLE subject_requests (
    id BLOB NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL CHECK (version >= 1),
    kind TEXT NOT NULL CHECK (kind IN ('access', 'erasure', 'restriction', 'rectification', 'objection')),
    state TEXT NOT NULL CHECK (state IN ('received', 'in-progress', 'done', 'refused')),
    channel TEXT NOT NULL CHECK (channel IN ('identity', 'tracking', 'letter', 'mail', 'counter')),
    person TEXT NOT NULL,
    person_print TEXT NOT NULL,
    identity TEXT,
    identity_print TEXT,
    ticket_id BLOB REFERENCES tickets (id),
    email TEXT,
    lang TEXT NOT NULL CHECK (lang IN ('it', 'en')),
    received_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    was_extended BOOLEAN NOT NULL,
    overdue_at BIGINT,
    closed_at BIGINT,
    account_id BLOB REFERENCES accounts (id),
    created_at BIGINT NOT NULL,
    CHECK ((identity IS NULL) = (identity_print IS NULL)),
    CHECK ((channel = 'identity') = (identity IS NOT NULL)),
    CHECK ((channel = 'tracking') = (ticket_id IS NOT NULL)),
    CHECK ((account_id IS NULL) = (channel IN ('identity', 'tracking'))),
    CHECK ((closed_at IS NULL) = (state IN ('received', 'in-progress')))
);
CREATE INDEX subject_requests_by_term ON subject_requests (due_at, id);
CREATE INDEX subject_requests_by_person ON subject_requests (person_print);
CREATE INDEX subject_requests_by_identity ON subject_requests (identity_print, created_at, id);
CREATE INDEX subject_requests_by_ticket ON subject_requests (ticket_id);

-- Every step, with who and when, and what the person is told.
CREATE TABLE subject_request_steps (
    request_id BLOB NOT NULL REFERENCES subject_requests (id),
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    account_id BLOB REFERENCES accounts (id),
    step TEXT NOT NULL CHECK (step IN ('receive', 'start', 'extend', 'finish', 'refuse', 'overdue',
        'export', 'erase', 'restrict', 'lift-restriction', 'rectify')),
    state TEXT NOT NULL CHECK (state IN ('received', 'in-progress', 'done', 'refused')),
    reason TEXT,
    PRIMARY KEY (request_id, seq)
);

-- Copies of somebody's data, on their way to them. The bytes are sealed, in the store of attachments.
CREATE TABLE subject_exports (
    id BLOB NOT NULL PRIMARY KEY,
    request_id BLOB NOT NULL REFERENCES subject_requests (id),
    delivery TEXT NOT NULL CHECK (delivery IN ('mail', 'citizen', 'staff')),
    state TEXT NOT NULL CHECK (state IN ('awaiting-approval', 'preparing', 'ready', 'fetched', 'expired')),
    asked_by BLOB NOT NULL REFERENCES accounts (id),
    asked_at BIGINT NOT NULL,
    approved_by BLOB REFERENCES accounts (id),
    approved_at BIGINT,
    blob_key TEXT,
    blob_sha256 TEXT,
    blob_size BIGINT,
    blob_secret TEXT,
    ready_at BIGINT,
    expires_at BIGINT,
    ended_at BIGINT,
    CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CHECK (approved_by IS NULL OR approved_by <> asked_by),
    CHECK (delivery <> 'staff' OR state IN ('awaiting-approval', 'expired') OR approved_by IS NOT NULL),
    CHECK ((blob_key IS NOT NULL) = (state = 'ready')),
    CHECK ((ended_at IS NOT NULL) = (state IN ('fetched', 'expired')))
);
CREATE INDEX subject_exports_by_request ON subject_exports (request_id, asked_at);
CREATE INDEX subject_exports_by_state ON subject_exports (state, expires_at);
CREATE INDEX subject_exports_by_blob ON subject_exports (blob_key);

-- Erasures: who asked, who approved, what became of each ticket, and which texts name the person still.
-- The words that are looked for are sealed, and gone once they were.
CREATE TABLE erasures (
    id BLOB NOT NULL PRIMARY KEY,
    request_id BLOB NOT NULL REFERENCES subject_requests (id),
    state TEXT NOT NULL CHECK (state IN ('awaiting-approval', 'running', 'done')),
    asked_by BLOB NOT NULL REFERENCES accounts (id),
    asked_at BIGINT NOT NULL,
    approved_by BLOB REFERENCES accounts (id),
    approved_at BIGINT,
    words TEXT,
    scanned TEXT,
    ended_at BIGINT,
    CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CHECK (approved_by IS NULL OR approved_by <> asked_by),
    CHECK ((approved_by IS NULL) = (state = 'awaiting-approval')),
    CHECK ((words IS NULL) = (state <> 'running')),
    CHECK ((ended_at IS NULL) = (state <> 'done'))
);
CREATE INDEX erasures_by_request ON erasures (request_id, asked_at);
CREATE TABLE erasure_items (
    erasure_id BLOB NOT NULL REFERENCES erasures (id),
    ticket_id BLOB NOT NULL REFERENCES tickets (id),
    outcome TEXT NOT NULL CHECK (outcome IN ('erased', 'kept')),
    reason TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (erasure_id, ticket_id),
    CHECK ((reason IS NULL) = (outcome = 'erased'))
);
CREATE TABLE erasure_mentions (
    id BLOB NOT NULL PRIMARY KEY,
    erasure_id BLOB NOT NULL REFERENCES erasures (id),
    place TEXT NOT NULL CHECK (place IN ('description', 'note', 'activity', 'activity-comment', 'contact',
        'callback', 'complaint')),
    subject BLOB NOT NULL,
    seq BIGINT NOT NULL,
    ticket_id BLOB REFERENCES tickets (id),
    found_at BIGINT NOT NULL,
    reviewed_by BLOB REFERENCES accounts (id),
    reviewed_at BIGINT,
    UNIQUE (erasure_id, place, subject, seq),
    CHECK ((reviewed_by IS NULL) = (reviewed_at IS NULL))
);
