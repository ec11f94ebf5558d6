DROP TABLE sessions;
DROP TABLE placements;
DROP TABLE accounts;
