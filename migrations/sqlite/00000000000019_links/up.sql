-- Tickets that belong together (ADR 0027). Somebody said so: one row a pair, the smaller id first.
CREATE TABLE ticket_links (
    low_id BLOB NOT NULL REFERENCES tickets (id),
    high_id BLOB NOT NULL REFERENCES tickets (id),
    account_id BLOB NOT NULL REFERENCES accounts (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (low_id, high_id),
    CHECK (low_id < high_id)
);
CREATE INDEX ticket_links_by_high ON ticket_links (high_id);

-- Where the numbers of merged tickets lead: a row for each ticket on the way, the next one at step 1.
-- A ticket has one of each step, so the way has no fork, and the end is its last step.
CREATE TABLE ticket_merges (
    ticket_id BLOB NOT NULL REFERENCES tickets (id),
    into_id BLOB NOT NULL REFERENCES tickets (id),
    steps INTEGER NOT NULL CHECK (steps >= 1),
    PRIMARY KEY (ticket_id, into_id),
    UNIQUE (ticket_id, steps),
    CHECK (ticket_id <> into_id)
);
CREATE INDEX ticket_merges_by_survivor ON ticket_merges (into_id);
