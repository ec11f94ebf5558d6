DROP TRIGGER legs_count_delete;
DROP TRIGGER legs_count_insert;
DROP TRIGGER tickets_count_update;
DROP TRIGGER tickets_count_delete;
DROP TRIGGER tickets_count_insert;
DROP TABLE queue_deltas;
DROP TABLE queue_totals;
CREATE INDEX tickets_by_state ON tickets (custodian, state, needs_attention);
