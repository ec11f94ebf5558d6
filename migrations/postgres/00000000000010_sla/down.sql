DROP POLICY ticket_sla_kept ON ticket_sla;
DROP POLICY ticket_sla_in_scope ON ticket_sla;
DROP TRIGGER sla_policies_no_truncate ON sla_policies;
DROP TRIGGER sla_policies_no_update ON sla_policies;
DROP TRIGGER sla_policies_no_delete ON sla_policies;
DROP TABLE ticket_sla;
DROP TABLE sla_policies;
