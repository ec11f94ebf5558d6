-- The second fence (threat model, D-8): every query carries its scope already, and here the database
-- holds it, too. `sportello.scope_kind` says who asks, `sportello.scope_key` names the authority, the
-- identity or the ticket, and `sportello.scope_tax_codes` lists the people a citizen acts for. They
-- live as long as a transaction; without them nothing is seen and nothing written (ADR 0012).

-- Subqueries in the policies make these one look for each statement and not for each row.
CREATE FUNCTION has_scope() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('sportello.scope_kind', true), '')
        IN ('system', 'region', 'authority', 'citizen', 'tracking')
$$;
CREATE FUNCTION sees_all() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('sportello.scope_kind', true), '') IN ('system', 'region')
$$;

ALTER TABLE tickets ENABLE ROW LEVEL SECURITY;
ALTER TABLE tickets FORCE ROW LEVEL SECURITY;
ALTER TABLE ticket_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE ticket_events FORCE ROW LEVEL SECURITY;
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE notes FORCE ROW LEVEL SECURITY;
ALTER TABLE attachments ENABLE ROW LEVEL SECURITY;
ALTER TABLE attachments FORCE ROW LEVEL SECURITY;
ALTER TABLE legs ENABLE ROW LEVEL SECURITY;
ALTER TABLE legs FORCE ROW LEVEL SECURITY;

-- A row may be written by whoever has a scope: filing puts it with another desk, and a hand-over
-- moves it there. Which row may be changed is USING's affair.
-- The queries have chosen their rows by scope already, so the planner should expect nearly all of
-- them to pass. It does of `IS NOT NULL`; of a plain condition it expects half, and sorts in vain.
CREATE POLICY tickets_in_scope ON tickets USING (
    CASE (SELECT current_setting('sportello.scope_kind', true))
        WHEN 'system' THEN true
        WHEN 'region' THEN true
        WHEN 'authority' THEN nullif(
            custodian = (SELECT current_setting('sportello.scope_key', true))
            OR EXISTS (SELECT 1 FROM legs WHERE legs.ticket_id = tickets.id
                AND legs.custodian = (SELECT current_setting('sportello.scope_key', true))), false)
        WHEN 'citizen' THEN nullif(
            requester_kind = 'citizen'
            AND (requester_identity = (SELECT current_setting('sportello.scope_key', true))
                OR tax_code = ANY ((SELECT string_to_array(
                    current_setting('sportello.scope_tax_codes', true), ','))::text[])), false)
        WHEN 'tracking' THEN nullif(
            requester_kind <> 'citizen' AND state <> 'removed'
            AND (id::text = (SELECT current_setting('sportello.scope_key', true))
                OR follow_up_of::text = (SELECT current_setting('sportello.scope_key', true))), false)
    END IS NOT NULL
) WITH CHECK ((SELECT has_scope()));

-- What belongs to a ticket is seen by whoever sees the ticket.
CREATE POLICY ticket_events_in_scope ON ticket_events USING (
    (SELECT sees_all()) OR EXISTS (SELECT 1 FROM tickets WHERE tickets.id = ticket_events.ticket_id)
) WITH CHECK ((SELECT has_scope()));
CREATE POLICY notes_in_scope ON notes USING (
    (SELECT sees_all()) OR EXISTS (SELECT 1 FROM tickets WHERE tickets.id = notes.ticket_id)
) WITH CHECK ((SELECT has_scope()));
CREATE POLICY attachments_in_scope ON attachments USING (
    (SELECT sees_all()) OR EXISTS (SELECT 1 FROM tickets WHERE tickets.id = attachments.ticket_id)
) WITH CHECK ((SELECT has_scope()));
-- The policy of tickets asks the legs, so theirs cannot ask the tickets. They hold desks and times.
CREATE POLICY legs_in_scope ON legs USING ((SELECT has_scope())) WITH CHECK ((SELECT has_scope()));

-- Only the system takes rows away. History refuses even that, by its triggers.
CREATE POLICY tickets_kept ON tickets AS RESTRICTIVE FOR DELETE
    USING ((SELECT current_setting('sportello.scope_kind', true)) = 'system');
CREATE POLICY attachments_kept ON attachments AS RESTRICTIVE FOR DELETE
    USING ((SELECT current_setting('sportello.scope_kind', true)) = 'system');
CREATE POLICY legs_kept ON legs AS RESTRICTIVE FOR DELETE
    USING ((SELECT current_setting('sportello.scope_kind', true)) = 'system');
