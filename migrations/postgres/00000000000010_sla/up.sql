-- What was promised, version by version, for the legs that open while a version is in force.
-- An empty authority or service means all of them.
CREATE TABLE sla_policies (
    id UUID NOT NULL PRIMARY KEY,
    desk_kind TEXT NOT NULL CHECK (desk_kind IN ('authority', 'region')),
    authority_code TEXT NOT NULL,
    service_code TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    label TEXT NOT NULL,
    owner_body TEXT NOT NULL,
    approved_on TEXT,
    valid_from TEXT NOT NULL,
    valid_to TEXT,
    in_force_from TIMESTAMPTZ NOT NULL,
    calendar TEXT,
    formula TEXT NOT NULL,
    take_charge TEXT NOT NULL,
    first_response TEXT NOT NULL,
    resolution TEXT NOT NULL,
    escalate_after TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    created_by UUID REFERENCES accounts (id),
    UNIQUE (desk_kind, authority_code, service_code, version)
);

-- The clocks of a ticket, made from its history; to keep them saves work. How the present leg's
-- resolution stands is in columns, for lists.
CREATE TABLE ticket_sla (
    ticket_id UUID NOT NULL PRIMARY KEY REFERENCES tickets (id),
    status TEXT NOT NULL CHECK (status IN ('running', 'paused', 'breached', 'met')),
    warn_at TIMESTAMPTZ NOT NULL,
    due_at TIMESTAMPTZ NOT NULL,
    clocks TEXT NOT NULL,
    told TEXT NOT NULL
);

-- Versions never change the past: the database is the last reviewer.
CREATE TRIGGER sla_policies_no_update BEFORE UPDATE ON sla_policies FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER sla_policies_no_delete BEFORE DELETE ON sla_policies FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER sla_policies_no_truncate BEFORE TRUNCATE ON sla_policies FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The second fence (decision 12): clocks are seen by whoever sees the ticket.
ALTER TABLE ticket_sla ENABLE ROW LEVEL SECURITY;
ALTER TABLE ticket_sla FORCE ROW LEVEL SECURITY;
CREATE POLICY ticket_sla_in_scope ON ticket_sla USING (
    (SELECT sees_all()) OR EXISTS (SELECT 1 FROM tickets WHERE tickets.id = ticket_sla.ticket_id)
) WITH CHECK ((SELECT has_scope()));
CREATE POLICY ticket_sla_kept ON ticket_sla AS RESTRICTIVE FOR DELETE
    USING ((SELECT current_setting('sportello.scope_kind', true)) = 'system');
