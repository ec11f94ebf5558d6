-- Stated looks at personal data (domain.md §2.2, conventions.md PR-5): who asked for the full identity of a
-- requester, or opened a ticket to look into, why, and until when it was open. The reason is sealed.
CREATE TABLE disclosures (
    id UUID NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('identity', 'inspection')),
    ticket_id UUID NOT NULL REFERENCES tickets (id),
    account_id UUID NOT NULL REFERENCES accounts (id),
    role TEXT NOT NULL,
    desk TEXT NOT NULL REFERENCES authorities (code),
    purpose TEXT NOT NULL CHECK (purpose IN ('citizen-request', 'complaint', 'authority-inspection',
        'data-subject-right', 'security-incident')),
    reason TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    until_at TIMESTAMPTZ,
    CHECK ((until_at IS NULL) = (kind = 'identity'))
);
CREATE INDEX disclosures_by_time ON disclosures (at, id);
CREATE INDEX disclosures_by_account ON disclosures (account_id, at);
CREATE INDEX disclosures_by_ticket ON disclosures (ticket_id);

-- Break-glass (domain.md P-3): where a grant stands follows from its times. The reason is sealed; the message
-- is the one that tells of its end.
CREATE TABLE break_glass_grants (
    id UUID NOT NULL PRIMARY KEY,
    asked_by UUID NOT NULL REFERENCES accounts (id),
    asked_at TIMESTAMPTZ NOT NULL,
    authority_code TEXT REFERENCES authorities (code),
    ticket_id UUID REFERENCES tickets (id),
    purpose TEXT NOT NULL CHECK (purpose IN ('citizen-request', 'complaint', 'authority-inspection',
        'data-subject-right', 'security-incident')),
    reason TEXT NOT NULL,
    hours INTEGER NOT NULL CHECK (hours BETWEEN 1 AND 8),
    approved_by UUID REFERENCES accounts (id),
    approved_at TIMESTAMPTZ,
    first_used_at TIMESTAMPTZ,
    ended_by UUID REFERENCES accounts (id),
    ended_at TIMESTAMPTZ,
    end_message UUID NOT NULL,
    CHECK ((authority_code IS NULL) <> (ticket_id IS NULL)),
    CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CHECK ((ended_by IS NULL) = (ended_at IS NULL)),
    CHECK (approved_by IS NULL OR approved_by <> asked_by),
    CHECK (first_used_at IS NULL OR approved_at IS NOT NULL)
);
CREATE INDEX break_glass_grants_by_time ON break_glass_grants (asked_at, id);
CREATE INDEX break_glass_grants_by_asker ON break_glass_grants (asked_by, asked_at);

-- The second fence (decision 12). Who looked, and why, is neither the desks' nor the requester's: the use cases
-- that write and read it do so as the system.
ALTER TABLE disclosures ENABLE ROW LEVEL SECURITY;
ALTER TABLE disclosures FORCE ROW LEVEL SECURITY;
ALTER TABLE break_glass_grants ENABLE ROW LEVEL SECURITY;
ALTER TABLE break_glass_grants FORCE ROW LEVEL SECURITY;
CREATE POLICY disclosures_of_system ON disclosures
    USING ((SELECT current_setting('sportello.scope_kind', true)) = 'system');
CREATE POLICY break_glass_grants_of_system ON break_glass_grants
    USING ((SELECT current_setting('sportello.scope_kind', true)) = 'system');

-- What a grant opens, to read alone: a transaction with one of these scopes is read-only as well. What belongs
-- to a ticket follows its ticket, as for every scope.
CREATE POLICY tickets_opened ON tickets FOR SELECT USING (
    CASE (SELECT current_setting('sportello.scope_kind', true))
        WHEN 'opened-ticket' THEN nullif(
            id::text = (SELECT current_setting('sportello.scope_key', true)), false)
        WHEN 'opened-authority' THEN nullif(
            custodian = (SELECT current_setting('sportello.scope_key', true)), false)
    END IS NOT NULL
);
-- The policies of tickets ask these two, so theirs cannot ask the tickets. They hold desks, times and ids.
CREATE POLICY legs_opened ON legs FOR SELECT
    USING ((SELECT current_setting('sportello.scope_kind', true)) IN ('opened-ticket', 'opened-authority'));
CREATE POLICY ticket_merges_opened ON ticket_merges FOR SELECT
    USING ((SELECT current_setting('sportello.scope_kind', true)) IN ('opened-ticket', 'opened-authority'));
