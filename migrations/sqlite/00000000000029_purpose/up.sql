-- Stated looks at personal data (domain.md §2.2, conventions.md PR-5): who asked for the full identity of a
-- requester, or opened a ticket to look into, why, and until when it was open. The reason is sealed.
CREATE TABLE disclosures (
    id BLOB NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('identity', 'inspection')),
    ticket_id BLOB NOT NULL REFERENCES tickets (id),
    account_id BLOB NOT NULL REFERENCES accounts (id),
    role TEXT NOT NULL,
    desk TEXT NOT NULL REFERENCES authorities (code),
    purpose TEXT NOT NULL CHECK (purpose IN ('citizen-request', 'complaint', 'authority-inspection',
        'data-subject-right', 'security-incident')),
    reason TEXT NOT NULL,
    at BIGINT NOT NULL,
    until_at BIGINT,
    CHECK ((until_at IS NULL) = (kind = 'identity'))
);
CREATE INDEX disclosures_by_time ON disclosures (at, id);
CREATE INDEX disclosures_by_account ON disclosures (account_id, at);
CREATE INDEX disclosures_by_ticket ON disclosures (ticket_id);

-- Break-glass (domain.md P-3): where a grant stands follows from its times. The reason is sealed; the message
-- is the one that tells of its end.
CREATE TABLE break_glass_grants (
    id BLOB NOT NULL PRIMARY KEY,
    asked_by BLOB NOT NULL REFERENCES accounts (id),
    asked_at BIGINT NOT NULL,
    authority_code TEXT REFERENCES authorities (code),
    ticket_id BLOB REFERENCES tickets (id),
    purpose TEXT NOT NULL CHECK (purpose IN ('citizen-request', 'complaint', 'authority-inspection',
        'data-subject-right', 'security-incident')),
    reason TEXT NOT NULL,
    hours INTEGER NOT NULL CHECK (hours BETWEEN 1 AND 8),
    approved_by BLOB REFERENCES accounts (id),
    approved_at BIGINT,
    first_used_at BIGINT,
    ended_by BLOB REFERENCES accounts (id),
    ended_at BIGINT,
    end_message BLOB NOT NULL,
    CHECK ((authority_code IS NULL) <> (ticket_id IS NULL)),
    CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CHECK ((ended_by IS NULL) = (ended_at IS NULL)),
    CHECK (approved_by IS NULL OR approved_by <> asked_by),
    CHECK (first_used_at IS NULL OR approved_at IS NOT NULL)
);
CREATE INDEX break_glass_grants_by_time ON break_glass_grants (asked_at, id);
CREATE INDEX break_glass_grants_by_asker ON break_glass_grants (asked_by, asked_at);
