-- What is set seldom is asked with every change of a ticket, and kept in memory under this version (ADR 0043).
-- Each change of it puts another number here, by a trigger that no code can forget. A random one: a number
-- that was rolled back must never come again, or somebody could believe what they loaded under it.
INSERT INTO counters (name, value) VALUES ('settings', 1);

CREATE TRIGGER routing_versions_insert_renews_settings AFTER INSERT ON routing_versions
BEGIN UPDATE counters SET value = random() WHERE name = 'settings'; END;
CREATE TRIGGER sla_policies_insert_renews_settings AFTER INSERT ON sla_policies
BEGIN UPDATE counters SET value = random() WHERE name = 'settings'; END;
CREATE TRIGGER notification_settings_insert_renews_settings AFTER INSERT ON notification_settings
BEGIN UPDATE counters SET value = random() WHERE name = 'settings'; END;
CREATE TRIGGER notification_settings_update_renews_settings AFTER UPDATE ON notification_settings
BEGIN UPDATE counters SET value = random() WHERE name = 'settings'; END;
CREATE TRIGGER notification_settings_delete_renews_settings AFTER DELETE ON notification_settings
BEGIN UPDATE counters SET value = random() WHERE name = 'settings'; END;
CREATE TRIGGER notification_preferences_insert_renews_settings AFTER INSERT ON notification_preferences
BEGIN UPDATE counters SET value = random() WHERE name = 'settings'; END;
CREATE TRIGGER notification_preferences_update_renews_settings AFTER UPDATE ON notification_preferences
BEGIN UPDATE counters SET value = random() WHERE name = 'settings'; END;
CREATE TRIGGER notification_preferences_delete_renews_settings AFTER DELETE ON notification_preferences
BEGIN UPDATE counters SET value = random() WHERE name = 'settings'; END;
CREATE TRIGGER placements_insert_renews_settings AFTER INSERT ON placements
BEGIN UPDATE counters SET value = random() WHERE name = 'settings'; END;
CREATE TRIGGER placements_update_renews_settings AFTER UPDATE ON placements
BEGIN UPDATE counters SET value = random() WHERE name = 'settings'; END;
CREATE TRIGGER placements_delete_renews_settings AFTER DELETE ON placements
BEGIN UPDATE counters SET value = random() WHERE name = 'settings'; END;

-- What else is in these rows changes often and matters to nobody here: failures, whose turn it was, tries.
CREATE TRIGGER accounts_update_renews_settings AFTER UPDATE ON accounts
    WHEN OLD.active IS NOT NEW.active
BEGIN UPDATE counters SET value = random() WHERE name = 'settings'; END;
CREATE TRIGGER account_lives_insert_renews_settings AFTER INSERT ON account_lives
BEGIN UPDATE counters SET value = random() WHERE name = 'settings'; END;
CREATE TRIGGER account_lives_update_renews_settings AFTER UPDATE ON account_lives
    WHEN OLD.email IS NOT NEW.email
BEGIN UPDATE counters SET value = random() WHERE name = 'settings'; END;
CREATE TRIGGER assignment_settings_insert_renews_settings AFTER INSERT ON assignment_settings
BEGIN UPDATE counters SET value = random() WHERE name = 'settings'; END;
CREATE TRIGGER assignment_settings_update_renews_settings AFTER UPDATE ON assignment_settings
    WHEN OLD.mode IS NOT NEW.mode
BEGIN UPDATE counters SET value = random() WHERE name = 'settings'; END;
CREATE TRIGGER assignment_settings_delete_renews_settings AFTER DELETE ON assignment_settings
BEGIN UPDATE counters SET value = random() WHERE name = 'settings'; END;
CREATE TRIGGER webhook_endpoints_insert_renews_settings AFTER INSERT ON webhook_endpoints
BEGIN UPDATE counters SET value = random() WHERE name = 'settings'; END;
CREATE TRIGGER webhook_endpoints_update_renews_settings AFTER UPDATE ON webhook_endpoints
    WHEN OLD.desk IS NOT NEW.desk OR OLD.event_types IS NOT NEW.event_types OR OLD.disabled_at IS NOT NEW.disabled_at OR OLD.deleted_at IS NOT NEW.deleted_at
BEGIN UPDATE counters SET value = random() WHERE name = 'settings'; END;
CREATE TRIGGER webhook_endpoints_delete_renews_settings AFTER DELETE ON webhook_endpoints
BEGIN UPDATE counters SET value = random() WHERE name = 'settings'; END;
