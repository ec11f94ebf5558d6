DROP TABLE audit_anchor_sends;
DROP TABLE audit_anchors;
DROP TABLE audit_links;
DROP TRIGGER audit_entries_await_link ON audit_entries;
DROP FUNCTION await_link();
DROP TABLE audit_pending;
ALTER TABLE audit_entries DROP COLUMN mac;
