-- The words of what is written on tickets, a row for each text (docs/adr/0039): 0 is the number, the labels
-- of service and problem, and the description; the others are notes. They are made by the program, and are
-- null where the text is sealed or gone. `place` orders the texts by the filing of their tickets.
CREATE TABLE ticket_texts (
    ticket_id BLOB NOT NULL,
    seq BIGINT NOT NULL CHECK (seq >= 0),
    audience TEXT NOT NULL,
    team TEXT,
    party TEXT,
    words TEXT,
    place BIGINT,
    PRIMARY KEY (ticket_id, seq)
);
CREATE UNIQUE INDEX ticket_texts_by_place ON ticket_texts (place);
-- The words are stems already, and hold letters and digits alone.
CREATE VIRTUAL TABLE ticket_words USING fts5 (
    words, content = 'ticket_texts', content_rowid = 'place', columnsize = 0,
    tokenize = 'unicode61 remove_diacritics 0');
-- What is taken out is overwritten.
INSERT INTO ticket_words (ticket_words, rank) VALUES ('secure-delete', 1);

-- Down to which ticket the words of a database from before are made; no row: all are.
CREATE TABLE text_builds (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    before_at BIGINT,
    before_id BLOB
);

-- A ticket's place is above all others, and below them when it is an old one whose words are made late.
-- A note stays with its ticket; it waits for those of an old ticket to be made.
CREATE TRIGGER ticket_texts_placed AFTER INSERT ON ticket_texts BEGIN
    UPDATE ticket_texts SET place = CASE
        WHEN NEW.seq > 0 THEN (SELECT place FROM ticket_texts WHERE ticket_id = NEW.ticket_id AND seq = 0) + NEW.seq
        WHEN NOT EXISTS (SELECT 1 FROM ticket_texts WHERE place IS NOT NULL) THEN 1152921504606846976
        WHEN EXISTS (SELECT 1 FROM text_builds) AND (SELECT created_at FROM tickets WHERE id = NEW.ticket_id)
            <= (SELECT tickets.created_at FROM tickets JOIN ticket_texts ON ticket_texts.ticket_id = tickets.id
                WHERE place IS NOT NULL ORDER BY place LIMIT 1)
            THEN ((SELECT place FROM ticket_texts WHERE place IS NOT NULL ORDER BY place LIMIT 1) / 1048576 - 1) * 1048576
        ELSE ((SELECT place FROM ticket_texts ORDER BY place DESC LIMIT 1) / 1048576 + 1) * 1048576
        END
        WHERE ticket_id = NEW.ticket_id AND seq = NEW.seq;
    DELETE FROM ticket_texts WHERE ticket_id = NEW.ticket_id AND seq = NEW.seq AND place IS NULL;
    INSERT INTO ticket_words (rowid, words) SELECT place, words FROM ticket_texts
        WHERE ticket_id = NEW.ticket_id AND seq = NEW.seq AND words IS NOT NULL;
END;
CREATE TRIGGER ticket_texts_changed AFTER UPDATE OF words ON ticket_texts BEGIN
    INSERT INTO ticket_words (ticket_words, rowid, words)
        SELECT 'delete', OLD.place, OLD.words WHERE OLD.words IS NOT NULL;
    INSERT INTO ticket_words (rowid, words) SELECT NEW.place, NEW.words WHERE NEW.words IS NOT NULL;
END;

-- A text that is sealed, or becomes a dash, takes its words along, whoever changes it.
CREATE TRIGGER tickets_forget_words AFTER UPDATE OF description ON tickets
    WHEN NEW.description IS NOT OLD.description AND coalesce(substr(OLD.description, 1, 1), '') <> char(1) BEGIN
    UPDATE ticket_texts SET words = NULL WHERE ticket_id = NEW.id AND seq = 0;
END;
CREATE TRIGGER notes_forget_words AFTER UPDATE OF body ON notes
    WHEN NEW.body IS NOT OLD.body AND substr(OLD.body, 1, 1) <> char(1) BEGIN
    UPDATE ticket_texts SET words = NULL WHERE ticket_id = NEW.ticket_id AND seq = NEW.seq;
END;

INSERT INTO text_builds (id) SELECT 1 WHERE EXISTS (SELECT 1 FROM tickets);
INSERT INTO due_work (kind, subject, due_at, fence, attempts)
    SELECT 'text-index', zeroblob(16), 0, 0, 0 FROM text_builds;
