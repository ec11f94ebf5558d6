DROP INDEX outbox_due_by_endpoint;
DROP TABLE webhook_attempts;
DROP TABLE webhook_secrets;
DROP TABLE webhook_endpoints;
DELETE FROM outbox WHERE channel = 'webhook';
