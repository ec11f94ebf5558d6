DROP TABLE sealed_up;
ALTER TABLE data_keys DROP COLUMN vacated_at;
