DROP POLICY tickets_changed ON tickets;
ALTER POLICY tickets_in_scope ON tickets USING (
    CASE (SELECT current_setting('sportello.scope_kind', true))
        WHEN 'system' THEN true
        WHEN 'region' THEN true
        WHEN 'authority' THEN nullif(
            custodian = (SELECT current_setting('sportello.scope_key', true))
            OR EXISTS (SELECT 1 FROM legs WHERE legs.ticket_id = tickets.id
                AND legs.custodian = (SELECT current_setting('sportello.scope_key', true))), false)
        WHEN 'citizen' THEN nullif(
            requester_kind = 'citizen'
            AND (identity_print = ANY ((SELECT string_to_array(
                    current_setting('sportello.scope_key', true), ','))::text[])
                OR tax_code_print = ANY ((SELECT string_to_array(
                    current_setting('sportello.scope_tax_codes', true), ','))::text[])), false)
        WHEN 'tracking' THEN nullif(
            requester_kind <> 'citizen' AND state <> 'removed'
            AND (id::text = (SELECT current_setting('sportello.scope_key', true))
                OR follow_up_of::text = (SELECT current_setting('sportello.scope_key', true))), false)
    END IS NOT NULL
);
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
CREATE POLICY tickets_opened ON tickets FOR SELECT USING (
    CASE (SELECT current_setting('sportello.scope_kind', true))
        WHEN 'opened-ticket' THEN nullif(
            id::text = (SELECT current_setting('sportello.scope_key', true)), false)
        WHEN 'opened-authority' THEN nullif(
            custodian = (SELECT current_setting('sportello.scope_key', true)), false)
    END IS NOT NULL
);
DROP FUNCTION ticket_in_scope;
DROP FUNCTION desk_in_scope;
