DROP TABLE ticket_merges;
DROP TABLE ticket_links;
