-- What the region asks of the technical desk behind it, and what is written on it (domain.md 4.4).
-- It quotes number, service and problem type, so that whoever works it needs no ticket.
CREATE TABLE activities (
    id BLOB NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL CHECK (version >= 1),
    ticket_id BLOB NOT NULL REFERENCES tickets (id),
    number TEXT NOT NULL,
    service_code TEXT NOT NULL REFERENCES services (code),
    problem_type TEXT NOT NULL,
    desk TEXT NOT NULL REFERENCES authorities (code),
    state TEXT NOT NULL CHECK (state IN ('new', 'assigned', 'in-progress', 'pending', 'resolved', 'closed',
        'cancelled')),
    summary TEXT NOT NULL,
    detail TEXT NOT NULL,
    impact TEXT NOT NULL CHECK (impact IN ('minor', 'moderate', 'significant', 'extensive')),
    urgency TEXT NOT NULL CHECK (urgency IN ('low', 'medium', 'high', 'critical')),
    kind TEXT NOT NULL CHECK (kind IN ('user-service-restoration', 'infrastructure-restoration')),
    asset TEXT NOT NULL,
    item TEXT,
    sub_item TEXT,
    assignee BLOB REFERENCES accounts (id),
    client_id BLOB REFERENCES clients (id),
    external_id TEXT,
    reported BIGINT,
    cancel_requested_at BIGINT,
    opened_by BLOB NOT NULL REFERENCES accounts (id),
    opened_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    closed_at BIGINT,
    CHECK ((client_id IS NULL) = (external_id IS NULL)),
    CHECK (reported IS NULL OR external_id IS NOT NULL),
    CHECK (sub_item IS NULL OR item IS NOT NULL),
    CHECK ((closed_at IS NULL) = (state NOT IN ('resolved', 'closed', 'cancelled')))
);
-- One at a time.
CREATE UNIQUE INDEX activities_open_key ON activities (ticket_id) WHERE closed_at IS NULL;
CREATE UNIQUE INDEX activities_external_key ON activities (client_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX activities_by_ticket ON activities (ticket_id, opened_at, id);
CREATE INDEX activities_by_due ON activities (due_at, id);

CREATE TABLE activity_comments (
    id BLOB NOT NULL PRIMARY KEY,
    activity_id BLOB NOT NULL REFERENCES activities (id),
    at BIGINT NOT NULL,
    account_id BLOB REFERENCES accounts (id),
    desk TEXT REFERENCES authorities (code),
    client_id BLOB REFERENCES clients (id),
    external_id TEXT,
    body TEXT NOT NULL,
    CHECK ((account_id IS NULL) = (desk IS NULL)),
    CHECK ((account_id IS NULL) = (client_id IS NOT NULL)),
    CHECK ((client_id IS NULL) = (external_id IS NULL))
);
CREATE INDEX activity_comments_by_activity ON activity_comments (activity_id, at, id);
CREATE UNIQUE INDEX activity_comments_external_key ON activity_comments (client_id, external_id) WHERE external_id IS NOT NULL;

-- What was written stays: the database is the last reviewer.
CREATE TRIGGER activity_comments_no_update BEFORE UPDATE ON activity_comments BEGIN
    SELECT RAISE(ABORT, 'activity_comments is append-only');
END;
CREATE TRIGGER activity_comments_no_delete BEFORE DELETE ON activity_comments BEGIN
    SELECT RAISE(ABORT, 'activity_comments is append-only');
END;
