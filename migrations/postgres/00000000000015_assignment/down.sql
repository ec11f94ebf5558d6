DELETE FROM due_work WHERE kind = 'untouched';
DROP INDEX tickets_untouched;
DROP TABLE purged_attachments;
DROP TABLE removals;
DROP TABLE absences;
DROP TABLE assignment_settings;
