-- Reviews of decided tickets (domain.md §9.8, docs/adr/0028): one a ticket. Texts are the notes of
-- the entries that asked and decided.
CREATE TABLE reviews (
    id BLOB NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL CHECK (version >= 1),
    ticket_id BLOB NOT NULL UNIQUE REFERENCES tickets (id),
    desk TEXT NOT NULL REFERENCES authorities (code),
    state TEXT NOT NULL CHECK (state IN ('requested', 'in-review', 'upheld', 'rejected')),
    requested_seq BIGINT NOT NULL,
    requested_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    taken_by BLOB REFERENCES accounts (id),
    taken_at BIGINT,
    decided_seq BIGINT,
    decided_by BLOB REFERENCES accounts (id),
    decided_at BIGINT,
    remedy TEXT CHECK (remedy IN ('reopen', 'settled-otherwise')),
    CHECK ((decided_at IS NULL) = (state IN ('requested', 'in-review'))),
    CHECK ((taken_at IS NULL) = (state = 'requested')),
    CHECK ((remedy IS NULL) = (state <> 'upheld'))
);
CREATE INDEX reviews_by_term ON reviews (due_at, id);
CREATE INDEX reviews_by_desk ON reviews (desk, due_at, id);

-- The register of complaints (domain.md §10.4). Numbers are a series of their own, without holes.
CREATE TABLE complaints (
    id BLOB NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL CHECK (version >= 1),
    number TEXT NOT NULL UNIQUE,
    desk TEXT NOT NULL REFERENCES authorities (code),
    state TEXT NOT NULL CHECK (state IN ('received', 'in-preparation', 'awaiting-authority',
        'reply-prepared', 'sent', 'under-reexamination', 'closed', 'archived')),
    channel TEXT NOT NULL CHECK (channel IN ('web', 'letter', 'certified-mail', 'mail', 'phone', 'counter')),
    complainant_kind TEXT NOT NULL CHECK (complainant_kind IN ('person', 'association')),
    complainant TEXT NOT NULL,
    email TEXT,
    postal_address TEXT,
    filed_by_identity TEXT,
    filed_by_ticket BLOB REFERENCES tickets (id),
    lang TEXT NOT NULL CHECK (lang IN ('it', 'en')),
    service_code TEXT REFERENCES services (code),
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    classification TEXT,
    received_at BIGINT NOT NULL,
    happened_at BIGINT,
    late_filed BOOLEAN NOT NULL,
    due_at BIGINT NOT NULL,
    was_extended BOOLEAN NOT NULL,
    scheme_id BLOB,
    scheme_values TEXT,
    reply TEXT,
    answered_at BIGINT,
    overdue_told BOOLEAN NOT NULL,
    account_id BLOB REFERENCES accounts (id),
    created_at BIGINT NOT NULL,
    CHECK ((scheme_id IS NULL) = (reply IS NULL)),
    CHECK ((scheme_id IS NULL) = (scheme_values IS NULL)),
    CHECK (filed_by_identity IS NULL OR filed_by_ticket IS NULL)
);
CREATE INDEX complaints_by_term ON complaints (due_at, id);
CREATE INDEX complaints_by_desk ON complaints (desk, due_at, id);
CREATE INDEX complaints_by_identity ON complaints (filed_by_identity, id) WHERE filed_by_identity IS NOT NULL;
CREATE INDEX complaints_by_filing_ticket ON complaints (filed_by_ticket) WHERE filed_by_ticket IS NOT NULL;

-- What happened to a complaint, with the desk's own words where there are any.
CREATE TABLE complaint_entries (
    complaint_id BLOB NOT NULL REFERENCES complaints (id),
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    account_id BLOB REFERENCES accounts (id),
    step TEXT NOT NULL,
    state TEXT NOT NULL,
    note TEXT,
    PRIMARY KEY (complaint_id, seq)
);

CREATE TABLE complaint_tickets (
    complaint_id BLOB NOT NULL REFERENCES complaints (id),
    ticket_id BLOB NOT NULL REFERENCES tickets (id),
    PRIMARY KEY (complaint_id, ticket_id)
);
CREATE INDEX complaint_tickets_by_ticket ON complaint_tickets (ticket_id);

-- What was sent to a complainant, word by word.
CREATE TABLE complaint_dispatches (
    id BLOB NOT NULL PRIMARY KEY,
    complaint_id BLOB NOT NULL REFERENCES complaints (id),
    kind TEXT NOT NULL CHECK (kind IN ('extension', 'reply')),
    scheme_id BLOB,
    body TEXT NOT NULL,
    way TEXT NOT NULL CHECK (way IN ('mail', 'web', 'paper')),
    recipient TEXT NOT NULL,
    message_id BLOB,
    account_id BLOB NOT NULL REFERENCES accounts (id),
    at BIGINT NOT NULL,
    CHECK ((scheme_id IS NULL) = (kind = 'extension')),
    CHECK ((message_id IS NULL) = (way <> 'mail'))
);
CREATE INDEX complaint_dispatches_by_complaint ON complaint_dispatches (complaint_id, at);

-- Where the protocol registered it: a number never changes (conventions.md PUB-7).
CREATE TABLE complaint_protocols (
    complaint_id BLOB NOT NULL REFERENCES complaints (id),
    direction TEXT NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    number TEXT NOT NULL,
    registered_on TEXT NOT NULL,
    office TEXT NOT NULL,
    account_id BLOB NOT NULL REFERENCES accounts (id),
    at BIGINT NOT NULL,
    PRIMARY KEY (complaint_id, direction, number)
);

-- Schemes of replies: versions are drafted by one person and approved by another; an approved one
-- never changes.
CREATE TABLE complaint_reply_schemes (
    id BLOB NOT NULL PRIMARY KEY,
    desk TEXT NOT NULL REFERENCES authorities (code),
    code TEXT NOT NULL,
    version BIGINT NOT NULL CHECK (version >= 1),
    label TEXT NOT NULL,
    body_it TEXT NOT NULL,
    body_en TEXT NOT NULL,
    gaps TEXT NOT NULL,
    drafted_by BLOB NOT NULL REFERENCES accounts (id),
    drafted_at BIGINT NOT NULL,
    approved_by BLOB REFERENCES accounts (id),
    approved_at BIGINT,
    UNIQUE (desk, code, version),
    CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CHECK (approved_by IS NULL OR approved_by <> drafted_by)
);
CREATE TRIGGER complaint_entries_no_update BEFORE UPDATE ON complaint_entries BEGIN
    SELECT RAISE(ABORT, 'complaint_entries is append-only');
END;
CREATE TRIGGER complaint_entries_no_delete BEFORE DELETE ON complaint_entries BEGIN
    SELECT RAISE(ABORT, 'complaint_entries is append-only');
END;
CREATE TRIGGER complaint_dispatches_no_update BEFORE UPDATE ON complaint_dispatches BEGIN
    SELECT RAISE(ABORT, 'complaint_dispatches is append-only');
END;
CREATE TRIGGER complaint_dispatches_no_delete BEFORE DELETE ON complaint_dispatches BEGIN
    SELECT RAISE(ABORT, 'complaint_dispatches is append-only');
END;
CREATE TRIGGER complaint_protocols_no_update BEFORE UPDATE ON complaint_protocols BEGIN
    SELECT RAISE(ABORT, 'complaint_protocols is append-only');
END;
CREATE TRIGGER complaint_protocols_no_delete BEFORE DELETE ON complaint_protocols BEGIN
    SELECT RAISE(ABORT, 'complaint_protocols is append-only');
END;
