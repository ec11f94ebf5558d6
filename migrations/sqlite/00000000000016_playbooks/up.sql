-- Playbooks, version by version. A definition never changes: tickets keep the versions they ran.
CREATE TABLE playbook_versions (
    code TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    state TEXT NOT NULL CHECK (state IN ('draft', 'approved', 'active', 'retired')),
    definition TEXT NOT NULL,
    comment TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by BLOB REFERENCES accounts (id),
    approved_at BIGINT,
    approved_by BLOB REFERENCES accounts (id),
    activated_at BIGINT,
    activated_by BLOB REFERENCES accounts (id),
    retired_at BIGINT,
    retired_by BLOB REFERENCES accounts (id),
    PRIMARY KEY (code, version)
);
CREATE UNIQUE INDEX playbook_versions_code_key ON playbook_versions (code) WHERE state = 'active';

-- That a version was tried on what was decided before.
CREATE TABLE playbook_simulations (
    id BLOB NOT NULL PRIMARY KEY,
    code TEXT NOT NULL,
    version INTEGER NOT NULL,
    tried INTEGER NOT NULL CHECK (tried >= 0),
    changed INTEGER NOT NULL CHECK (changed >= 0),
    account_id BLOB NOT NULL REFERENCES accounts (id),
    at BIGINT NOT NULL,
    FOREIGN KEY (code, version) REFERENCES playbook_versions (code, version)
);
CREATE INDEX playbook_simulations_by_version ON playbook_simulations (code, version);

-- A desk's run through a playbook in one leg: what it began with, the versions it keeps, the playbooks
-- it passed through with spaces around each, and where it stands.
CREATE TABLE playbook_runs (
    id BLOB NOT NULL PRIMARY KEY,
    ticket_id BLOB NOT NULL REFERENCES tickets (id),
    leg INTEGER NOT NULL CHECK (leg >= 1),
    desk TEXT NOT NULL REFERENCES authorities (code),
    begun_with TEXT NOT NULL,
    pins TEXT NOT NULL,
    path TEXT NOT NULL,
    playbook TEXT NOT NULL,
    version INTEGER NOT NULL,
    decision TEXT NOT NULL,
    addition TEXT,
    started_at BIGINT NOT NULL,
    started_by BLOB NOT NULL REFERENCES accounts (id),
    overridden_at BIGINT,
    handed_over_at BIGINT
);
CREATE INDEX playbook_runs_by_ticket ON playbook_runs (ticket_id, leg);
CREATE INDEX playbook_runs_by_time ON playbook_runs (started_at);

-- What was answered, by whom and when; the last row of a check counts, and one without an answer took
-- it back.
CREATE TABLE playbook_answers (
    run_id BLOB NOT NULL REFERENCES playbook_runs (id),
    seq INTEGER NOT NULL CHECK (seq >= 1),
    playbook TEXT NOT NULL,
    version INTEGER NOT NULL,
    check_code TEXT NOT NULL,
    answer TEXT,
    evidence TEXT,
    account_id BLOB NOT NULL REFERENCES accounts (id),
    at BIGINT NOT NULL,
    PRIMARY KEY (run_id, seq)
);

-- What goes into the note: identifiers of a person's papers, so only the last of each is kept.
CREATE TABLE playbook_values (
    run_id BLOB NOT NULL REFERENCES playbook_runs (id),
    value_name TEXT NOT NULL,
    value TEXT,
    account_id BLOB NOT NULL REFERENCES accounts (id),
    at BIGINT NOT NULL,
    PRIMARY KEY (run_id, value_name)
);

-- The database is the last reviewer.
CREATE TRIGGER playbook_versions_no_update BEFORE UPDATE OF code, version, definition ON playbook_versions BEGIN
    SELECT RAISE(ABORT, 'playbook_versions is append-only');
END;
CREATE TRIGGER playbook_versions_no_delete BEFORE DELETE ON playbook_versions BEGIN
    SELECT RAISE(ABORT, 'playbook_versions is append-only');
END;
CREATE TRIGGER playbook_answers_no_update BEFORE UPDATE ON playbook_answers BEGIN
    SELECT RAISE(ABORT, 'playbook_answers is append-only');
END;
CREATE TRIGGER playbook_answers_no_delete BEFORE DELETE ON playbook_answers BEGIN
    SELECT RAISE(ABORT, 'playbook_answers is append-only');
END;
