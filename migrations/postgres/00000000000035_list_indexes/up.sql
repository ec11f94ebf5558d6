-- Lists are read along an index in their order, so that a page costs the same after ten years as on the first
-- day. What is rare has an index of its own, which holds nothing else and costs a filing nothing.
CREATE INDEX tickets_by_attention ON tickets (custodian, created_at, id) WHERE needs_attention;
CREATE INDEX tickets_tagged ON tickets (custodian, created_at, id) WHERE tags <> '[]';
CREATE INDEX tickets_removed ON tickets (custodian, created_at, id) WHERE state = 'removed';
CREATE INDEX tickets_declared_elsewhere ON tickets (custodian, created_at, id) WHERE declared_authority <> custodian;

-- What is open anywhere, for the region: the oldest of it lies behind years of what is closed.
CREATE INDEX tickets_everywhere_open ON tickets (created_at, id) WHERE state NOT IN ('resolved', 'auto-closed', 'removed');

-- In the order of the list, not in that of the values.
DROP INDEX tickets_by_assignee;
CREATE INDEX tickets_by_assignee ON tickets (assignee, created_at, id) WHERE assignee IS NOT NULL;
DROP INDEX tickets_by_service;
CREATE INDEX tickets_by_service ON tickets (service_code, created_at, id);

-- With the desk, so that nobody looks through all of a desk's tickets for those of a person.
DROP INDEX tickets_by_tax_code;
CREATE INDEX tickets_by_tax_code ON tickets (tax_code_print, custodian);
DROP INDEX tickets_by_email;
CREATE INDEX tickets_by_email ON tickets (email_print, custodian);
DROP INDEX tickets_by_phone;
CREATE INDEX tickets_by_phone ON tickets (phone_print, custodian);
DROP INDEX tickets_by_family_name;
CREATE INDEX tickets_by_family_name ON tickets (family_name_print, custodian);

-- Who had a ticket is looked up by the ticket, which its key leads to.
DROP INDEX legs_by_custodian;
