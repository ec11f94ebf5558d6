-- Reviews of decided tickets (domain.md §9.8, docs/adr/0028): one a ticket. Texts are the notes of
-- the entries that asked and decided.
CREATE TABLE reviews (
    id BLOB NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL CHECK (version >= 1),
    ticket_id BLOB NOT NULL UNIQUE REFERENCES tickets (id),
    desk TEXT NOT NULL REFERENCES authorities (code),
    state TEXT NOT NULL CHECK (state IN ('requested', 'in-review', 'upheld', 'rejected')),
    requested_seq BIGINT NOT NULL,
    requested_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    taken_by BLOB REFERENCES accounts (id),
    taken_at BIGINT,
    decided_seq BIGINT,
    decided_by BLOB REFERENCES accounts (id),
    decided_at BIGINT,
    remedy TEXT CHECK (remedy IN ('reopen', 'settled-otherwise')),
    CHECK ((decided_at IS NULL) = (state IN ('requested', 'in-review'))),
    CHECK ((taken_at IS NULL) = (state = 'requested')),
    CHECK ((remedy IS NULL) = (state <> 'upheld'))
);
CREATE INDEX reviews_by_term ON reviews (due_at, id);
CREATE INDEX reviews_by_desk ON reviews (desk, due_at, id);
