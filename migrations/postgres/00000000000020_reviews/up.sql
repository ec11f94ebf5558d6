-- Reviews of decided tickets (domain.md §9.8, docs/adr/0028): one a ticket. Texts are the notes of
-- the entries that asked and decided.
CREATE TABLE reviews (
    id UUID NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL CHECK (version >= 1),
    ticket_id UUID NOT NULL UNIQUE REFERENCES tickets (id),
    desk TEXT NOT NULL REFERENCES authorities (code),
    state TEXT NOT NULL CHECK (state IN ('requested', 'in-review', 'upheld', 'rejected')),
    requested_seq BIGINT NOT NULL,
    requested_at TIMESTAMPTZ NOT NULL,
    due_at TIMESTAMPTZ NOT NULL,
    taken_by UUID REFERENCES accounts (id),
    taken_at TIMESTAMPTZ,
    decided_seq BIGINT,
    decided_by UUID REFERENCES accounts (id),
    decided_at TIMESTAMPTZ,
    remedy TEXT CHECK (remedy IN ('reopen', 'settled-otherwise')),
    CHECK ((decided_at IS NULL) = (state IN ('requested', 'in-review'))),
    CHECK ((taken_at IS NULL) = (state = 'requested')),
    CHECK ((remedy IS NULL) = (state <> 'upheld'))
);
CREATE INDEX reviews_by_term ON reviews (due_at, id);
CREATE INDEX reviews_by_desk ON reviews (desk, due_at, id);

-- The register of complaints (domain.md §10.4). Numbers are a series of their own, without holes.
CREATE TABLE complaints (
    id UUID NOT NULL PRIMARY KEY,
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
    filed_by_ticket UUID REFERENCES tickets (id),
    lang TEXT NOT NULL CHECK (lang IN ('it', 'en')),
    service_code TEXT REFERENCES services (code),
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    classification TEXT,
    received_at TIMESTAMPTZ NOT NULL,
    happened_at TIMESTAMPTZ,
    late_filed BOOLEAN NOT NULL,
    due_at TIMESTAMPTZ NOT NULL,
    was_extended BOOLEAN NOT NULL,
    scheme_id UUID,
    scheme_values TEXT,
    reply TEXT,
    answered_at TIMESTAMPTZ,
    overdue_told BOOLEAN NOT NULL,
    account_id UUID REFERENCES accounts (id),
    created_at TIMESTAMPTZ NOT NULL,
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
    complaint_id UUID NOT NULL REFERENCES complaints (id),
    seq BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    account_id UUID REFERENCES accounts (id),
    step TEXT NOT NULL,
    state TEXT NOT NULL,
    note TEXT,
    PRIMARY KEY (complaint_id, seq)
);

CREATE TABLE complaint_tickets (
    complaint_id UUID NOT NULL REFERENCES complaints (id),
    ticket_id UUID NOT NULL REFERENCES tickets (id),
    PRIMARY KEY (complaint_id, ticket_id)
);
CREATE INDEX complaint_tickets_by_ticket ON complaint_tickets (ticket_id);

-- What was sent to a complainant, word by word.
CREATE TABLE complaint_dispatches (
    id UUID NOT NULL PRIMARY KEY,
    complaint_id UUID NOT NULL REFERENCES complaints (id),
    kind TEXT NOT NULL CHECK (kind IN ('extension', 'reply')),
    scheme_id UUID,
    body TEXT NOT NULL,
    way TEXT NOT NULL CHECK (way IN ('mail', 'web', 'paper')),
    recipient TEXT NOT NULL,
    message_id UUID,
    account_id UUID NOT NULL REFERENCES accounts (id),
    at TIMESTAMPTZ NOT NULL,
    CHECK ((scheme_id IS NULL) = (kind = 'extension')),
    CHECK ((message_id IS NULL) = (way <> 'mail'))
);
CREATE INDEX complaint_dispatches_by_complaint ON complaint_dispatches (complaint_id, at);

-- Where the protocol registered it: a number never changes (conventions.md PUB-7).
CREATE TABLE complaint_protocols (
    complaint_id UUID NOT NULL REFERENCES complaints (id),
    direction TEXT NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    number TEXT NOT NULL,
    registered_on TEXT NOT NULL,
    office TEXT NOT NULL,
    account_id UUID NOT NULL REFERENCES accounts (id),
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (complaint_id, direction, number)
);

-- Schemes of replies: versions are drafted by one person and approved by another; an approved one
-- never changes.
CREATE TABLE complaint_reply_schemes (
    id UUID NOT NULL PRIMARY KEY,
    desk TEXT NOT NULL REFERENCES authorities (code),
    code TEXT NOT NULL,
    version BIGINT NOT NULL CHECK (version >= 1),
    label TEXT NOT NULL,
    body_it TEXT NOT NULL,
    body_en TEXT NOT NULL,
    gaps TEXT NOT NULL,
    drafted_by UUID NOT NULL REFERENCES accounts (id),
    drafted_at TIMESTAMPTZ NOT NULL,
    approved_by UUID REFERENCES accounts (id),
    approved_at TIMESTAMPTZ,
    UNIQUE (desk, code, version),
    CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CHECK (approved_by IS NULL OR approved_by <> drafted_by)
);
CREATE TRIGGER complaint_entries_no_update BEFORE UPDATE ON complaint_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER complaint_entries_no_delete BEFORE DELETE ON complaint_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER complaint_entries_no_truncate BEFORE TRUNCATE ON complaint_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER complaint_dispatches_no_update BEFORE UPDATE ON complaint_dispatches FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER complaint_dispatches_no_delete BEFORE DELETE ON complaint_dispatches FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER complaint_dispatches_no_truncate BEFORE TRUNCATE ON complaint_dispatches FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER complaint_protocols_no_update BEFORE UPDATE ON complaint_protocols FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER complaint_protocols_no_delete BEFORE DELETE ON complaint_protocols FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER complaint_protocols_no_truncate BEFORE TRUNCATE ON complaint_protocols FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The second fence (ADR 0012): what belongs to a ticket is seen by whoever sees the ticket.
ALTER TABLE reviews ENABLE ROW LEVEL SECURITY;
ALTER TABLE reviews FORCE ROW LEVEL SECURITY;
CREATE POLICY reviews_in_scope ON reviews USING (
    (SELECT sees_all()) OR EXISTS (SELECT 1 FROM tickets WHERE tickets.id = reviews.ticket_id)
) WITH CHECK ((SELECT has_scope()));

-- A complaint is its desk's, the region's and its complainant's. What was sent and what it is about goes
-- with it; what the desk wrote for itself and where the protocol registered it are the desks' alone.
ALTER TABLE complaints ENABLE ROW LEVEL SECURITY;
ALTER TABLE complaints FORCE ROW LEVEL SECURITY;
ALTER TABLE complaint_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE complaint_entries FORCE ROW LEVEL SECURITY;
ALTER TABLE complaint_tickets ENABLE ROW LEVEL SECURITY;
ALTER TABLE complaint_tickets FORCE ROW LEVEL SECURITY;
ALTER TABLE complaint_dispatches ENABLE ROW LEVEL SECURITY;
ALTER TABLE complaint_dispatches FORCE ROW LEVEL SECURITY;
ALTER TABLE complaint_protocols ENABLE ROW LEVEL SECURITY;
ALTER TABLE complaint_protocols FORCE ROW LEVEL SECURITY;
CREATE POLICY complaints_in_scope ON complaints USING (
    CASE (SELECT current_setting('sportello.scope_kind', true))
        WHEN 'system' THEN true
        WHEN 'region' THEN true
        WHEN 'authority' THEN nullif(desk = (SELECT current_setting('sportello.scope_key', true)), false)
        WHEN 'citizen' THEN nullif(filed_by_identity = (SELECT current_setting('sportello.scope_key', true)), false)
        WHEN 'tracking' THEN nullif(filed_by_ticket::text = (SELECT current_setting('sportello.scope_key', true)), false)
    END IS NOT NULL
) WITH CHECK ((SELECT has_scope()));
-- A complainant files; from then on only desks change it.
CREATE POLICY complaints_changed_by_desks ON complaints AS RESTRICTIVE FOR UPDATE
    USING ((SELECT current_setting('sportello.scope_kind', true)) IN ('system', 'region', 'authority'));
CREATE POLICY complaints_kept ON complaints AS RESTRICTIVE FOR DELETE
    USING ((SELECT current_setting('sportello.scope_kind', true)) = 'system');
-- Filing writes the first entry, so whoever has a scope may add one.
CREATE POLICY complaint_entries_of_desks ON complaint_entries USING (
    (SELECT sees_all()) OR ((SELECT current_setting('sportello.scope_kind', true)) = 'authority'
        AND EXISTS (SELECT 1 FROM complaints WHERE complaints.id = complaint_entries.complaint_id))
) WITH CHECK ((SELECT has_scope()));
CREATE POLICY complaint_tickets_in_scope ON complaint_tickets USING (
    (SELECT sees_all()) OR EXISTS (SELECT 1 FROM complaints WHERE complaints.id = complaint_tickets.complaint_id)
) WITH CHECK ((SELECT has_scope()));
CREATE POLICY complaint_dispatches_in_scope ON complaint_dispatches USING (
    (SELECT sees_all()) OR EXISTS (SELECT 1 FROM complaints WHERE complaints.id = complaint_dispatches.complaint_id)
) WITH CHECK ((SELECT has_scope()));
CREATE POLICY complaint_protocols_of_desks ON complaint_protocols USING (
    (SELECT sees_all()) OR ((SELECT current_setting('sportello.scope_kind', true)) = 'authority'
        AND EXISTS (SELECT 1 FROM complaints WHERE complaints.id = complaint_protocols.complaint_id))
) WITH CHECK ((SELECT sees_all())
    OR (SELECT current_setting('sportello.scope_kind', true)) = 'authority');
