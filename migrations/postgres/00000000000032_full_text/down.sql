DELETE FROM due_work WHERE kind = 'text-index';
DROP TABLE text_builds;
DROP TRIGGER notes_forget_words ON notes;
DROP TRIGGER tickets_forget_words ON tickets;
DROP FUNCTION forget_words();
DROP TABLE ticket_texts;
