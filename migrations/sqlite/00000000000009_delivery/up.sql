-- Messages on every channel, the feed of what happened, and due work as rows.
ALTER TABLE outbox ADD COLUMN channel TEXT NOT NULL DEFAULT 'mail' CHECK (channel IN ('mail', 'webhook', 'sms'));
ALTER TABLE outbox ADD COLUMN endpoint_id BLOB;
ALTER TABLE outbox ADD COLUMN payload TEXT;
ALTER TABLE outbox ADD COLUMN desk TEXT REFERENCES authorities (code);
ALTER TABLE outbox ADD COLUMN discarded_at BIGINT;
ALTER TABLE outbox ADD COLUMN discarded_by BLOB REFERENCES accounts (id);
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (channel, due_at, id) WHERE state = 'pending';
CREATE INDEX outbox_parked ON outbox (desk, created_at, id) WHERE state = 'parked';
CREATE INDEX outbox_by_endpoint ON outbox (endpoint_id, created_at, id) WHERE endpoint_id IS NOT NULL;

-- What programs and screens are told. A row gets its place in the feed after its commit, so that nobody who
-- read on to a place can have missed an earlier one (ADR 0019).
CREATE TABLE changes (
    arrival INTEGER NOT NULL PRIMARY KEY,
    position BIGINT,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    desk TEXT REFERENCES authorities (code),
    former_desk TEXT REFERENCES authorities (code),
    ticket_id BLOB REFERENCES tickets (id),
    seq BIGINT,
    subject TEXT,
    detail TEXT NOT NULL
);
CREATE UNIQUE INDEX changes_position_key ON changes (position) WHERE position IS NOT NULL;
CREATE INDEX changes_unplaced ON changes (arrival) WHERE position IS NULL;
CREATE INDEX changes_by_age ON changes (at);

-- Work that is to be done at a time, by whichever node finds it first.
CREATE TABLE due_work (
    kind TEXT NOT NULL,
    subject BLOB NOT NULL,
    due_at BIGINT NOT NULL,
    leased_until BIGINT,
    fence BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    last_error TEXT,
    parked_at BIGINT,
    PRIMARY KEY (kind, subject)
);
CREATE INDEX due_work_by_time ON due_work (due_at, kind, subject) WHERE parked_at IS NULL;
INSERT INTO due_work (kind, subject, due_at, fence, attempts)
    SELECT 'ticket-timer', id, timer_at, 0, 0 FROM tickets WHERE timer_at IS NOT NULL;

-- How the jobs of all nodes fare, one row each.
CREATE TABLE job_runs (
    job TEXT NOT NULL PRIMARY KEY,
    node TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    succeeded_at BIGINT,
    failed_at BIGINT,
    last_error TEXT,
    runs BIGINT NOT NULL,
    failures BIGINT NOT NULL
);

-- The clock leapt and mass actions wait for a person; open while nobody has said to go on.
CREATE TABLE scheduler_pauses (
    id BLOB NOT NULL PRIMARY KEY,
    paused_at BIGINT NOT NULL,
    node TEXT NOT NULL,
    clock_before BIGINT NOT NULL,
    clock_after BIGINT NOT NULL,
    resumed_at BIGINT,
    resumed_by BLOB REFERENCES accounts (id)
);

-- How an authority's requesters are told; without a row the installation's settings hold.
CREATE TABLE notification_settings (
    authority_code TEXT NOT NULL PRIMARY KEY REFERENCES authorities (code),
    version BIGINT NOT NULL CHECK (version >= 1),
    pointer_only BOOLEAN NOT NULL,
    copy_to_citizens BOOLEAN NOT NULL,
    mail_on_close BOOLEAN NOT NULL,
    quiet_from TEXT,
    quiet_to TEXT,
    updated_at BIGINT NOT NULL,
    updated_by BLOB NOT NULL REFERENCES accounts (id),
    CHECK ((quiet_from IS NULL) = (quiet_to IS NULL))
);

-- What a member of staff wants by mail; without a row nothing.
CREATE TABLE notification_preferences (
    account_id BLOB NOT NULL REFERENCES accounts (id),
    topic TEXT NOT NULL CHECK (topic IN ('assigned', 'requester-wrote', 'queue')),
    mode TEXT NOT NULL CHECK (mode IN ('instant', 'digest', 'off')),
    PRIMARY KEY (account_id, topic)
);

-- What the next digest of somebody tells.
CREATE TABLE digest_items (
    account_id BLOB NOT NULL REFERENCES accounts (id),
    ticket_id BLOB NOT NULL REFERENCES tickets (id),
    topic TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (account_id, ticket_id, topic)
);
