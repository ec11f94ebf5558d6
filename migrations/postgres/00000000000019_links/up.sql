-- Tickets that belong together (ADR 0027). Somebody said so: one row a pair, the smaller id first.
CREATE TABLE ticket_links (
    low_id UUID NOT NULL REFERENCES tickets (id),
    high_id UUID NOT NULL REFERENCES tickets (id),
    account_id UUID NOT NULL REFERENCES accounts (id),
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (low_id, high_id),
    CHECK (low_id < high_id)
);
CREATE INDEX ticket_links_by_high ON ticket_links (high_id);

-- Where the numbers of merged tickets lead: a row for each ticket on the way, the next one at step 1.
-- A ticket has one of each step, so the way has no fork, and the end is its last step.
CREATE TABLE ticket_merges (
    ticket_id UUID NOT NULL REFERENCES tickets (id),
    into_id UUID NOT NULL REFERENCES tickets (id),
    steps INTEGER NOT NULL CHECK (steps >= 1),
    PRIMARY KEY (ticket_id, into_id),
    UNIQUE (ticket_id, steps),
    CHECK (ticket_id <> into_id)
);
CREATE INDEX ticket_merges_by_survivor ON ticket_merges (into_id);

-- The second fence (ADR 0012): a link is seen by whoever sees both its tickets.
ALTER TABLE ticket_links ENABLE ROW LEVEL SECURITY;
ALTER TABLE ticket_links FORCE ROW LEVEL SECURITY;
ALTER TABLE ticket_merges ENABLE ROW LEVEL SECURITY;
ALTER TABLE ticket_merges FORCE ROW LEVEL SECURITY;
CREATE POLICY ticket_links_in_scope ON ticket_links USING (
    (SELECT sees_all()) OR (EXISTS (SELECT 1 FROM tickets WHERE tickets.id = ticket_links.low_id)
        AND EXISTS (SELECT 1 FROM tickets WHERE tickets.id = ticket_links.high_id))
) WITH CHECK ((SELECT has_scope()));
-- The policies of tickets ask the merges, so theirs cannot ask the tickets. They hold ids alone, and
-- desks alone write them.
CREATE POLICY ticket_merges_in_scope ON ticket_merges USING ((SELECT has_scope()))
    WITH CHECK ((SELECT current_setting('sportello.scope_kind', true)) IN ('system', 'region', 'authority'));
CREATE POLICY ticket_merges_kept ON ticket_merges AS RESTRICTIVE FOR DELETE
    USING ((SELECT current_setting('sportello.scope_kind', true)) IN ('system', 'region', 'authority'));
-- Beside what tickets_in_scope lets a tracking session see: a merged ticket, which is removed, and what
-- its number leads to.
CREATE POLICY tickets_merged_in_scope ON tickets USING (
    (SELECT current_setting('sportello.scope_kind', true)) = 'tracking'
    AND requester_kind <> 'citizen'
    AND (state <> 'removed' OR EXISTS (SELECT 1 FROM ticket_merges WHERE ticket_merges.ticket_id = tickets.id))
    AND (id::text = (SELECT current_setting('sportello.scope_key', true))
        OR follow_up_of::text = (SELECT current_setting('sportello.scope_key', true))
        OR EXISTS (SELECT 1 FROM ticket_merges
            WHERE ticket_merges.ticket_id::text = (SELECT current_setting('sportello.scope_key', true))
            AND ticket_merges.into_id IN (tickets.id, tickets.follow_up_of)))
) WITH CHECK ((SELECT has_scope()));
