DROP TABLE break_glass_grants;
DROP TABLE disclosures;
