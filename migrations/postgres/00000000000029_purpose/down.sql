DROP POLICY ticket_merges_opened ON ticket_merges;
DROP POLICY legs_opened ON legs;
DROP POLICY tickets_opened ON tickets;
DROP TABLE break_glass_grants;
DROP TABLE disclosures;
