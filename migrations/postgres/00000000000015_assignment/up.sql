-- Who gets what comes to a desk, who is away, what lies untouched, and what was removed.

-- How a desk gives out its requests; without a row not at all. `last_account` had the last one, for
-- taking turns.
CREATE TABLE assignment_settings (
    desk TEXT NOT NULL PRIMARY KEY REFERENCES authorities (code),
    version BIGINT NOT NULL CHECK (version >= 2),
    mode TEXT NOT NULL CHECK (mode IN ('none', 'least-loaded', 'round-robin')),
    last_account UUID REFERENCES accounts (id),
    updated_at TIMESTAMPTZ NOT NULL,
    updated_by UUID NOT NULL REFERENCES accounts (id)
);

-- Days, the last one included. No reason: why somebody is away is nobody's business here.
CREATE TABLE absences (
    id UUID NOT NULL PRIMARY KEY,
    account_id UUID NOT NULL REFERENCES accounts (id),
    from_day TEXT NOT NULL,
    to_day TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    created_by UUID NOT NULL REFERENCES accounts (id),
    ended_at TIMESTAMPTZ,
    ended_by UUID REFERENCES accounts (id),
    CHECK (from_day <= to_day),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE INDEX absences_by_account ON absences (account_id, to_day);
CREATE INDEX absences_by_end ON absences (to_day, id);

-- Nobody of the desk took charge yet.
CREATE INDEX tickets_untouched ON tickets (custodian, created_at, id) WHERE state IN ('new', 'not-competent');
INSERT INTO due_work (kind, subject, due_at, fence, attempts)
    SELECT 'untouched', id, created_at, 0, 0 FROM tickets WHERE state IN ('new', 'not-competent');

-- What was removed, when, why, by whom, and from which desk: for the report. Its files go later.
CREATE TABLE removals (
    ticket_id UUID NOT NULL PRIMARY KEY REFERENCES tickets (id),
    at TIMESTAMPTZ NOT NULL,
    reason TEXT NOT NULL CHECK (reason IN ('spam', 'duplicate', 'prova', 'errore')),
    desk TEXT NOT NULL REFERENCES authorities (code),
    service_code TEXT NOT NULL REFERENCES services (code),
    account_id UUID NOT NULL REFERENCES accounts (id),
    purged_at TIMESTAMPTZ
);
CREATE INDEX removals_by_time ON removals (at, ticket_id);
CREATE INDEX removals_by_desk ON removals (desk, at, ticket_id);
CREATE INDEX removals_to_purge ON removals (at, ticket_id) WHERE purged_at IS NULL;
INSERT INTO removals (ticket_id, at, reason, desk, service_code, account_id)
    SELECT ticket_events.ticket_id, ticket_events.at, ticket_events.change #>> '{data,reason}', tickets.custodian, tickets.service_code, ticket_events.actor_account
    FROM ticket_events JOIN tickets ON tickets.id = ticket_events.ticket_id
    WHERE ticket_events.kind = 'request.removed' AND tickets.state = 'removed' AND ticket_events.actor_account IS NOT NULL;

-- What is left of the files of removed requests: that there was one, of which kind and size.
CREATE TABLE purged_attachments (
    id UUID NOT NULL PRIMARY KEY,
    ticket_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    file_kind TEXT NOT NULL,
    size BIGINT NOT NULL CHECK (size > 0),
    purged_at TIMESTAMPTZ NOT NULL,
    FOREIGN KEY (ticket_id, seq) REFERENCES ticket_events (ticket_id, seq)
);
CREATE INDEX purged_attachments_by_ticket ON purged_attachments (ticket_id, seq);

-- A desk's removals are its own and the region's; what is left of a file is seen by whoever sees the ticket.
ALTER TABLE removals ENABLE ROW LEVEL SECURITY;
ALTER TABLE removals FORCE ROW LEVEL SECURITY;
ALTER TABLE purged_attachments ENABLE ROW LEVEL SECURITY;
ALTER TABLE purged_attachments FORCE ROW LEVEL SECURITY;
CREATE POLICY removals_of_desk ON removals USING (
    (SELECT sees_all()) OR ((SELECT current_setting('sportello.scope_kind', true)) = 'authority'
        AND desk = (SELECT current_setting('sportello.scope_key', true))));
CREATE POLICY purged_attachments_in_scope ON purged_attachments USING (
    (SELECT sees_all()) OR EXISTS (SELECT 1 FROM tickets WHERE tickets.id = purged_attachments.ticket_id)
) WITH CHECK ((SELECT has_scope()));
