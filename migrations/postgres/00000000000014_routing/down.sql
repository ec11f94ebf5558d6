DROP TABLE routing_versions;
