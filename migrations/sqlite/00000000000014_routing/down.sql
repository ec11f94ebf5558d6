DROP TRIGGER routing_versions_no_update;
DROP TRIGGER routing_versions_no_delete;
DROP TABLE routing_versions;
