-- Many tickets in one action: a call, its items in pages, and what became of each (docs/adr/0026).
-- What is to be done holds a note, so it is kept only while it is still to be done.
CREATE TABLE bulk_jobs (
    id BLOB NOT NULL PRIMARY KEY,
    desk TEXT NOT NULL REFERENCES authorities (code),
    account_id BLOB NOT NULL REFERENCES accounts (id),
    placement_id BLOB NOT NULL REFERENCES placements (id),
    in_background BOOLEAN NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'cancelled', 'stopped')),
    action TEXT,
    total BIGINT NOT NULL CHECK (total >= 1),
    done BIGINT NOT NULL CHECK (done >= 0),
    failed BIGINT NOT NULL CHECK (failed >= 0),
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    CHECK (done + failed <= total),
    CHECK (action IS NULL OR state = 'running'),
    CHECK ((ended_at IS NULL) = (state = 'running'))
);
CREATE INDEX bulk_jobs_by_account ON bulk_jobs (account_id) WHERE state = 'running';
CREATE INDEX bulk_jobs_by_end ON bulk_jobs (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE bulk_pages (
    job_id BLOB NOT NULL REFERENCES bulk_jobs (id),
    page BIGINT NOT NULL CHECK (page >= 0),
    items TEXT NOT NULL,
    PRIMARY KEY (job_id, page)
);

-- Written together with the ticket. An action reaches a ticket once, however often it is named.
CREATE TABLE bulk_results (
    job_id BLOB NOT NULL REFERENCES bulk_jobs (id),
    position BIGINT NOT NULL CHECK (position >= 0),
    named TEXT NOT NULL,
    number TEXT,
    reached_id BLOB REFERENCES tickets (id),
    version BIGINT,
    problem TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (job_id, position),
    UNIQUE (job_id, reached_id),
    CHECK ((reached_id IS NULL) = (problem IS NOT NULL))
);
CREATE INDEX bulk_results_by_ticket ON bulk_results (reached_id) WHERE reached_id IS NOT NULL;

-- Words for notes, ready to be used. States and actions are codes with spaces between; no state stands for all.
CREATE TABLE reply_templates (
    id BLOB NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL CHECK (version >= 1),
    desk TEXT NOT NULL REFERENCES authorities (code),
    is_shared BOOLEAN NOT NULL,
    service_code TEXT,
    problem_type TEXT,
    states TEXT NOT NULL,
    actions TEXT NOT NULL,
    audience TEXT NOT NULL CHECK (audience IN ('citizen', 'team', 'authority', 'region', 'technical')),
    label_it TEXT NOT NULL,
    label_en TEXT NOT NULL,
    body_it TEXT NOT NULL,
    body_en TEXT NOT NULL,
    used_count BIGINT NOT NULL CHECK (used_count >= 0),
    last_used_at BIGINT,
    account_id BLOB NOT NULL REFERENCES accounts (id),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    retired_at BIGINT,
    CHECK (problem_type IS NULL OR service_code IS NOT NULL),
    CHECK ((used_count = 0) = (last_used_at IS NULL))
);
CREATE INDEX reply_templates_by_time ON reply_templates (created_at, id);
CREATE INDEX reply_templates_by_use ON reply_templates (used_count, id);
CREATE INDEX reply_templates_by_desk ON reply_templates (desk);
