-- Many tickets in one action: a call, its items in pages, and what became of each (docs/adr/0026).
-- What is to be done holds a note, so it is kept only while it is still to be done.
CREATE TABLE bulk_jobs (
    id UUID NOT NULL PRIMARY KEY,
    desk TEXT NOT NULL REFERENCES authorities (code),
    account_id UUID NOT NULL REFERENCES accounts (id),
    placement_id UUID NOT NULL REFERENCES placements (id),
    in_background BOOLEAN NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'cancelled', 'stopped')),
    action TEXT,
    total BIGINT NOT NULL CHECK (total >= 1),
    done BIGINT NOT NULL CHECK (done >= 0),
    failed BIGINT NOT NULL CHECK (failed >= 0),
    created_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    CHECK (done + failed <= total),
    CHECK (action IS NULL OR state = 'running'),
    CHECK ((ended_at IS NULL) = (state = 'running'))
);
CREATE INDEX bulk_jobs_by_account ON bulk_jobs (account_id) WHERE state = 'running';
CREATE INDEX bulk_jobs_by_end ON bulk_jobs (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE bulk_pages (
    job_id UUID NOT NULL REFERENCES bulk_jobs (id),
    page BIGINT NOT NULL CHECK (page >= 0),
    items TEXT NOT NULL,
    PRIMARY KEY (job_id, page)
);

-- Written together with the ticket. An action reaches a ticket once, however often it is named.
CREATE TABLE bulk_results (
    job_id UUID NOT NULL REFERENCES bulk_jobs (id),
    position BIGINT NOT NULL CHECK (position >= 0),
    named TEXT NOT NULL,
    number TEXT,
    reached_id UUID REFERENCES tickets (id),
    version BIGINT,
    problem TEXT,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (job_id, position),
    UNIQUE (job_id, reached_id),
    CHECK ((reached_id IS NULL) = (problem IS NOT NULL))
);
CREATE INDEX bulk_results_by_ticket ON bulk_results (reached_id) WHERE reached_id IS NOT NULL;

-- Words for notes, ready to be used. States and actions are codes with spaces between; no state stands for all.
CREATE TABLE reply_templates (
    id UUID NOT NULL PRIMARY KEY,
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
    last_used_at TIMESTAMPTZ,
    account_id UUID NOT NULL REFERENCES accounts (id),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    retired_at TIMESTAMPTZ,
    CHECK (problem_type IS NULL OR service_code IS NOT NULL),
    CHECK ((used_count = 0) = (last_used_at IS NULL))
);
CREATE INDEX reply_templates_by_time ON reply_templates (created_at, id);
CREATE INDEX reply_templates_by_use ON reply_templates (used_count, id);
CREATE INDEX reply_templates_by_desk ON reply_templates (desk);

-- The second fence (ADR 0012): a desk's bulk actions are its own and the region's.
ALTER TABLE bulk_jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE bulk_jobs FORCE ROW LEVEL SECURITY;
ALTER TABLE bulk_pages ENABLE ROW LEVEL SECURITY;
ALTER TABLE bulk_pages FORCE ROW LEVEL SECURITY;
ALTER TABLE bulk_results ENABLE ROW LEVEL SECURITY;
ALTER TABLE bulk_results FORCE ROW LEVEL SECURITY;
CREATE POLICY bulk_jobs_of_desk ON bulk_jobs USING (
    (SELECT sees_all()) OR ((SELECT current_setting('sportello.scope_kind', true)) = 'authority'
        AND desk = (SELECT current_setting('sportello.scope_key', true))));
CREATE POLICY bulk_pages_in_scope ON bulk_pages USING (
    (SELECT sees_all()) OR EXISTS (SELECT 1 FROM bulk_jobs WHERE bulk_jobs.id = bulk_pages.job_id));
CREATE POLICY bulk_results_in_scope ON bulk_results USING (
    (SELECT sees_all()) OR EXISTS (SELECT 1 FROM bulk_jobs WHERE bulk_jobs.id = bulk_results.job_id));
