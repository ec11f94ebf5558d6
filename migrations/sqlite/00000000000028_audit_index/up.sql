-- Where the audit trail is looked things up in (docs/adr/0035). No evidence: it can be made again from the
-- entries at any time. What waits to be indexed comes with its entry, so that a late commit is not missed.
CREATE TABLE audit_unindexed (
    entry_id BLOB NOT NULL,
    nth INTEGER NOT NULL,
    PRIMARY KEY (entry_id, nth)
);
CREATE TRIGGER audit_entries_await_index AFTER INSERT ON audit_entries BEGIN
    INSERT INTO audit_unindexed (entry_id, nth) VALUES (NEW.id, NEW.nth);
END;
INSERT INTO audit_unindexed (entry_id, nth) SELECT id, nth FROM audit_entries;

CREATE TABLE audit_tickets (
    ticket_id BLOB NOT NULL,
    at BIGINT NOT NULL,
    entry_id BLOB NOT NULL,
    nth INTEGER NOT NULL,
    PRIMARY KEY (ticket_id, at, entry_id, nth)
);
CREATE TABLE audit_subjects (
    subject TEXT NOT NULL,
    at BIGINT NOT NULL,
    entry_id BLOB NOT NULL,
    nth INTEGER NOT NULL,
    PRIMARY KEY (subject, at, entry_id, nth)
);
CREATE TABLE audit_accounts (
    account_id BLOB NOT NULL,
    at BIGINT NOT NULL,
    entry_id BLOB NOT NULL,
    nth INTEGER NOT NULL,
    PRIMARY KEY (account_id, at, entry_id, nth)
);
CREATE INDEX audit_entries_by_chain ON audit_entries (chain, at, id, nth);
