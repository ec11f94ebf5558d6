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

-- The second fence (ADR 0012): what belongs to a ticket is seen by whoever sees the ticket.
ALTER TABLE reviews ENABLE ROW LEVEL SECURITY;
ALTER TABLE reviews FORCE ROW LEVEL SECURITY;
CREATE POLICY reviews_in_scope ON reviews USING (
    (SELECT sees_all()) OR EXISTS (SELECT 1 FROM tickets WHERE tickets.id = reviews.ticket_id)
) WITH CHECK ((SELECT has_scope()));
