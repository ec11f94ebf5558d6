-- What is set seldom is asked with every change of a ticket, and kept in memory under this version (ADR 0043).
-- Each change of it puts another number here, by a trigger that no code can forget. A random one: a number
-- that was rolled back must never come again, or somebody could believe what they loaded under it.
INSERT INTO counters (name, value) VALUES ('settings', 1);

CREATE FUNCTION renew_settings_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE counters SET value = CAST(random() * 9000000000000000000 AS BIGINT) WHERE name = 'settings';
    RETURN NULL;
END
$$;

CREATE TRIGGER routing_versions_insert_renews_settings AFTER INSERT ON routing_versions FOR EACH STATEMENT EXECUTE FUNCTION renew_settings_version();
CREATE TRIGGER sla_policies_insert_renews_settings AFTER INSERT ON sla_policies FOR EACH STATEMENT EXECUTE FUNCTION renew_settings_version();
CREATE TRIGGER notification_settings_insert_renews_settings AFTER INSERT ON notification_settings FOR EACH STATEMENT EXECUTE FUNCTION renew_settings_version();
CREATE TRIGGER notification_settings_update_renews_settings AFTER UPDATE ON notification_settings FOR EACH STATEMENT EXECUTE FUNCTION renew_settings_version();
CREATE TRIGGER notification_settings_delete_renews_settings AFTER DELETE ON notification_settings FOR EACH STATEMENT EXECUTE FUNCTION renew_settings_version();
CREATE TRIGGER notification_preferences_insert_renews_settings AFTER INSERT ON notification_preferences FOR EACH STATEMENT EXECUTE FUNCTION renew_settings_version();
CREATE TRIGGER notification_preferences_update_renews_settings AFTER UPDATE ON notification_preferences FOR EACH STATEMENT EXECUTE FUNCTION renew_settings_version();
CREATE TRIGGER notification_preferences_delete_renews_settings AFTER DELETE ON notification_preferences FOR EACH STATEMENT EXECUTE FUNCTION renew_settings_version();
CREATE TRIGGER placements_insert_renews_settings AFTER INSERT ON placements FOR EACH STATEMENT EXECUTE FUNCTION renew_settings_version();
CREATE TRIGGER placements_update_renews_settings AFTER UPDATE ON placements FOR EACH STATEMENT EXECUTE FUNCTION renew_settings_version();
CREATE TRIGGER placements_delete_renews_settings AFTER DELETE ON placements FOR EACH STATEMENT EXECUTE FUNCTION renew_settings_version();

-- What else is in these rows changes often and matters to nobody here: failures, whose turn it was, tries.
CREATE TRIGGER accounts_update_renews_settings AFTER UPDATE ON accounts FOR EACH ROW
    WHEN (OLD.active IS DISTINCT FROM NEW.active) EXECUTE FUNCTION renew_settings_version();
CREATE TRIGGER account_lives_insert_renews_settings AFTER INSERT ON account_lives FOR EACH STATEMENT EXECUTE FUNCTION renew_settings_version();
CREATE TRIGGER account_lives_update_renews_settings AFTER UPDATE ON account_lives FOR EACH ROW
    WHEN (OLD.email IS DISTINCT FROM NEW.email) EXECUTE FUNCTION renew_settings_version();
CREATE TRIGGER assignment_settings_insert_renews_settings AFTER INSERT ON assignment_settings FOR EACH STATEMENT EXECUTE FUNCTION renew_settings_version();
CREATE TRIGGER assignment_settings_update_renews_settings AFTER UPDATE ON assignment_settings FOR EACH ROW
    WHEN (OLD.mode IS DISTINCT FROM NEW.mode) EXECUTE FUNCTION renew_settings_version();
CREATE TRIGGER assignment_settings_delete_renews_settings AFTER DELETE ON assignment_settings FOR EACH STATEMENT EXECUTE FUNCTION renew_settings_version();
CREATE TRIGGER webhook_endpoints_insert_renews_settings AFTER INSERT ON webhook_endpoints FOR EACH STATEMENT EXECUTE FUNCTION renew_settings_version();
CREATE TRIGGER webhook_endpoints_update_renews_settings AFTER UPDATE ON webhook_endpoints FOR EACH ROW
    WHEN (OLD.desk IS DISTINCT FROM NEW.desk OR OLD.event_types IS DISTINCT FROM NEW.event_types OR OLD.disabled_at IS DISTINCT FROM NEW.disabled_at OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) EXECUTE FUNCTION renew_settings_version();
CREATE TRIGGER webhook_endpoints_delete_renews_settings AFTER DELETE ON webhook_endpoints FOR EACH STATEMENT EXECUTE FUNCTION renew_settings_version();
