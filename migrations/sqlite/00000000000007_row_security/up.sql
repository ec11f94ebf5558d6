-- SQLite knows no row-level security: the scope in every query is its only fence.
SELECT 1;
