-- Nothing was done, so nothing is undone.
SELECT 1;
