DROP POLICY tickets_merged_in_scope ON tickets;
DROP TABLE ticket_merges;
DROP TABLE ticket_links;
