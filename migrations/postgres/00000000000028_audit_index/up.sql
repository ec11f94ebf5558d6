-- Where the audit trail is looked things up in (docs/adr/0035). No evidence: it can be made again from the
-- entries at any time. What waits to be indexed comes with its entry, so that a late commit is not missed.
CREATE TABLE audit_unindexed (
    entry_id UUID NOT NULL,
    nth INTEGER NOT NULL,
    PRIMARY KEY (entry_id, nth)
);
CREATE FUNCTION await_audit_index() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_unindexed (entry_id, nth) VALUES (NEW.id, NEW.nth);
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_entries_await_index AFTER INSERT ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION await_audit_index();
INSERT INTO audit_unindexed (entry_id, nth) SELECT id, nth FROM audit_entries;

CREATE TABLE audit_tickets (
    ticket_id UUID NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    entry_id UUID NOT NULL,
    nth INTEGER NOT NULL,
    PRIMARY KEY (ticket_id, at, entry_id, nth)
);
CREATE TABLE audit_subjects (
    subject TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    entry_id UUID NOT NULL,
    nth INTEGER NOT NULL,
    PRIMARY KEY (subject, at, entry_id, nth)
);
CREATE TABLE audit_accounts (
    account_id UUID NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    entry_id UUID NOT NULL,
    nth INTEGER NOT NULL,
    PRIMARY KEY (account_id, at, entry_id, nth)
);
CREATE INDEX audit_entries_by_chain ON audit_entries (chain, at, id, nth);

-- The second fence (ADR 0012): who looked at a ticket is seen by whoever sees the ticket.
ALTER TABLE audit_tickets ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_tickets FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_tickets_in_scope ON audit_tickets USING (
    (SELECT sees_all()) OR EXISTS (SELECT 1 FROM tickets WHERE tickets.id = audit_tickets.ticket_id)
) WITH CHECK ((SELECT has_scope()));
CREATE POLICY audit_tickets_kept ON audit_tickets AS RESTRICTIVE FOR DELETE
    USING ((SELECT current_setting('sportello.scope_kind', true)) = 'system');
