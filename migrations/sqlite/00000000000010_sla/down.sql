DROP TRIGGER sla_policies_no_update;
DROP TRIGGER sla_policies_no_delete;
DROP TABLE ticket_sla;
DROP TABLE sla_policies;
