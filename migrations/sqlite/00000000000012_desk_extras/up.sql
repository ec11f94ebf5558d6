-- What a desk does besides tickets: contacts, calls back, announcements and what they answer.
CREATE TABLE contacts (
    id BLOB NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL CHECK (version >= 1),
    desk TEXT NOT NULL REFERENCES authorities (code),
    channel TEXT NOT NULL CHECK (channel IN ('phone', 'chat', 'counter', 'mail', 'remote')),
    direction TEXT NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    ticket_id BLOB REFERENCES tickets (id),
    note TEXT,
    account_id BLOB NOT NULL REFERENCES accounts (id),
    created_at BIGINT NOT NULL
);
CREATE INDEX contacts_by_time ON contacts (at, id);
CREATE INDEX contacts_by_desk ON contacts (desk, at, id);
CREATE INDEX contacts_by_ticket ON contacts (ticket_id) WHERE ticket_id IS NOT NULL;

CREATE TABLE callbacks (
    id BLOB NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL CHECK (version >= 1),
    desk TEXT NOT NULL REFERENCES authorities (code),
    phone TEXT NOT NULL,
    reason TEXT NOT NULL,
    ticket_id BLOB REFERENCES tickets (id),
    wished_from BIGINT NOT NULL,
    wished_to BIGINT NOT NULL,
    sms_allowed BOOLEAN NOT NULL,
    lang TEXT NOT NULL CHECK (lang IN ('it', 'en')),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'unreachable', 'cancelled')),
    account_id BLOB NOT NULL REFERENCES accounts (id),
    created_at BIGINT NOT NULL,
    closed_at BIGINT,
    CHECK (wished_from < wished_to),
    CHECK ((closed_at IS NULL) = (state = 'waiting'))
);
CREATE INDEX callbacks_by_time ON callbacks (wished_from, id);
CREATE INDEX callbacks_by_desk ON callbacks (desk, wished_from, id);

-- One a half-day, such as 2026-03-02-am; the key is the second guard of that rule.
CREATE TABLE callback_attempts (
    callback_id BLOB NOT NULL REFERENCES callbacks (id),
    half_day TEXT NOT NULL,
    at BIGINT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('reached', 'no-answer', 'busy', 'wrong-number')),
    note TEXT,
    account_id BLOB NOT NULL REFERENCES accounts (id),
    PRIMARY KEY (callback_id, half_day)
);

-- Authorities and roles are codes with spaces between; none stands for all.
CREATE TABLE announcements (
    id BLOB NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL CHECK (version >= 1),
    desk TEXT NOT NULL REFERENCES authorities (code),
    kind TEXT NOT NULL CHECK (kind IN ('news', 'known-issue', 'change')),
    title_it TEXT NOT NULL,
    title_en TEXT NOT NULL,
    body_it TEXT NOT NULL,
    body_en TEXT NOT NULL,
    authorities TEXT NOT NULL,
    roles TEXT NOT NULL,
    citizens BOOLEAN NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_to BIGINT NOT NULL,
    acknowledgement_required BOOLEAN NOT NULL,
    account_id BLOB NOT NULL REFERENCES accounts (id),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK (valid_from <= valid_to)
);
CREATE INDEX announcements_by_time ON announcements (valid_from, id);
CREATE INDEX announcements_by_desk ON announcements (desk, valid_from, id);
CREATE INDEX announcements_by_end ON announcements (valid_to);

CREATE TABLE announcement_acknowledgements (
    announcement_id BLOB NOT NULL REFERENCES announcements (id),
    account_id BLOB NOT NULL REFERENCES accounts (id),
    at BIGINT NOT NULL,
    PRIMARY KEY (announcement_id, account_id)
);

CREATE TABLE announcement_tickets (
    announcement_id BLOB NOT NULL REFERENCES announcements (id),
    ticket_id BLOB NOT NULL REFERENCES tickets (id),
    account_id BLOB NOT NULL REFERENCES accounts (id),
    at BIGINT NOT NULL,
    PRIMARY KEY (announcement_id, ticket_id)
);
CREATE INDEX announcement_tickets_by_ticket ON announcement_tickets (ticket_id);

-- An answer to all linked tickets at once, and those it reached: each of them once.
CREATE TABLE announcement_answers (
    id BLOB NOT NULL PRIMARY KEY,
    announcement_id BLOB NOT NULL REFERENCES announcements (id),
    desk TEXT NOT NULL REFERENCES authorities (code),
    account_id BLOB NOT NULL REFERENCES accounts (id),
    at BIGINT NOT NULL
);
CREATE TABLE announcement_answered (
    answer_id BLOB NOT NULL REFERENCES announcement_answers (id),
    ticket_id BLOB NOT NULL REFERENCES tickets (id),
    at BIGINT NOT NULL,
    PRIMARY KEY (answer_id, ticket_id)
);
CREATE INDEX announcement_answered_by_ticket ON announcement_answered (ticket_id);
