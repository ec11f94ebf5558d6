-- The audit trail as evidence (docs/adr/0034). An entry is written without touching its chain, and linked after
-- the commit; its code, made with a key that is not in the database, says until then that it is ours.
ALTER TABLE audit_entries ADD COLUMN mac TEXT NOT NULL DEFAULT '';

-- What waits to be linked: a row comes with its entry, so none is skipped, however late it is committed, and
-- goes with its link. One that was refused stays, since somebody has to look.
CREATE TABLE audit_pending (
    arrival INTEGER NOT NULL PRIMARY KEY,
    entry_id BLOB NOT NULL,
    nth INTEGER NOT NULL,
    refused_at BIGINT,
    UNIQUE (entry_id, nth)
);
CREATE TRIGGER audit_entries_await_link AFTER INSERT ON audit_entries BEGIN
    INSERT INTO audit_pending (entry_id, nth) VALUES (NEW.id, NEW.nth);
END;

-- Place by place, the entries of each chain; a hash is over the one before and the entry itself.
CREATE TABLE audit_links (
    chain TEXT NOT NULL,
    seq BIGINT NOT NULL CHECK (seq >= 1),
    entry_id BLOB NOT NULL,
    nth INTEGER NOT NULL,
    previous BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (chain, seq),
    UNIQUE (entry_id, nth)
);
CREATE TRIGGER audit_links_no_update BEFORE UPDATE ON audit_links BEGIN
    SELECT RAISE(ABORT, 'audit_links is append-only');
END;
CREATE TRIGGER audit_links_no_delete BEFORE DELETE ON audit_links BEGIN
    SELECT RAISE(ABORT, 'audit_links is append-only');
END;

-- The heads of all chains at an instant, signed; put outside the database as well.
CREATE TABLE audit_anchors (
    number BIGINT NOT NULL PRIMARY KEY CHECK (number >= 1),
    at BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE TRIGGER audit_anchors_no_update BEFORE UPDATE ON audit_anchors BEGIN
    SELECT RAISE(ABORT, 'audit_anchors is append-only');
END;
CREATE TRIGGER audit_anchors_no_delete BEFORE DELETE ON audit_anchors BEGIN
    SELECT RAISE(ABORT, 'audit_anchors is append-only');
END;

-- Where an anchor still has to go.
CREATE TABLE audit_anchor_sends (
    anchor BIGINT NOT NULL REFERENCES audit_anchors (number),
    place TEXT NOT NULL CHECK (place IN ('file', 'webhook', 'mail')),
    tries INTEGER NOT NULL,
    due_at BIGINT NOT NULL,
    PRIMARY KEY (anchor, place)
);
CREATE INDEX audit_anchor_sends_due ON audit_anchor_sends (due_at, anchor);
