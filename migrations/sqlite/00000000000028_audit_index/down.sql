DROP INDEX audit_entries_by_chain;
DROP TABLE audit_accounts;
DROP TABLE audit_subjects;
DROP TABLE audit_tickets;
DROP TRIGGER audit_entries_await_index;
DROP TABLE audit_unindexed;
