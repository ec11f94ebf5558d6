DELETE FROM due_work WHERE kind = 'text-index';
DROP TRIGGER notes_forget_words;
DROP TRIGGER tickets_forget_words;
DROP TABLE ticket_words;
DROP TABLE ticket_texts;
DROP TABLE text_builds;
