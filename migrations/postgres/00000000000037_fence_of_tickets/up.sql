-- The second fence of tickets is one policy, whose first two looks nearly always say yes. What is asked seldom stands in a
-- function (ADR 0047): as parts of every statement such subqueries cost more to make ready than the statement to run.
CREATE FUNCTION desk_in_scope() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN current_setting('sportello.scope_kind', true) IN ('authority', 'opened-authority')
        THEN current_setting('sportello.scope_key', true) END
$$;

-- Whether a ticket that is not in the custody of the desk is in scope for another reason; NULL if it is not.
-- Of PL/pgSQL, which keeps its plans for the session: a function of SQL makes them anew in each statement.
CREATE FUNCTION ticket_in_scope(
    ticket uuid, requester_kind text, identity_print text, tax_code_print text, state text, follow_up_of uuid
) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    kind text := current_setting('sportello.scope_kind', true);
    key text := current_setting('sportello.scope_key', true);
    is_seen boolean;
BEGIN
    IF kind = 'authority' THEN
        is_seen := EXISTS (SELECT 1 FROM legs WHERE legs.ticket_id = ticket AND legs.custodian = key);
    ELSIF kind = 'citizen' THEN
        is_seen := requester_kind = 'citizen'
            AND (identity_print = ANY (string_to_array(key, ','))
                OR tax_code_print = ANY (string_to_array(current_setting('sportello.scope_tax_codes', true), ',')));
    ELSIF kind = 'tracking' THEN
        -- A merged ticket is removed, and seen nevertheless, with what its number leads to.
        is_seen := requester_kind <> 'citizen'
            AND (state <> 'removed' OR EXISTS (SELECT 1 FROM ticket_merges AS ways WHERE ways.ticket_id = ticket))
            AND (ticket::text = key OR follow_up_of::text = key
                OR EXISTS (SELECT 1 FROM ticket_merges AS ways
                    WHERE ways.ticket_id::text = key AND ways.into_id IN (ticket, follow_up_of)));
    ELSIF kind = 'opened-ticket' THEN
        is_seen := ticket::text = key;
    END IF;
    RETURN nullif(is_seen, false);
END
$$;

DROP POLICY tickets_merged_in_scope ON tickets;
DROP POLICY tickets_opened ON tickets;
ALTER POLICY tickets_in_scope ON tickets USING (
    CASE
        WHEN (SELECT sees_all()) THEN true
        WHEN custodian = (SELECT desk_in_scope()) THEN true
        ELSE ticket_in_scope(id, requester_kind, identity_print, tax_code_print, state, follow_up_of)
    END IS NOT NULL
);
-- What a grant opens is open to read alone.
CREATE POLICY tickets_changed ON tickets AS RESTRICTIVE FOR UPDATE USING ((SELECT has_scope()));
