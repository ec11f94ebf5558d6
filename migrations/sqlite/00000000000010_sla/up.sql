-- What was promised, version by version, for the legs that open while a version is in force.
-- An empty authority or service means all of them.
CREATE TABLE sla_policies (
    id BLOB NOT NULL PRIMARY KEY,
    desk_kind TEXT NOT NULL CHECK (desk_kind IN ('authority', 'region')),
    authority_code TEXT NOT NULL,
    service_code TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    label TEXT NOT NULL,
    owner_body TEXT NOT NULL,
    approved_on TEXT,
    valid_from TEXT NOT NULL,
    valid_to TEXT,
    in_force_from BIGINT NOT NULL,
    calendar TEXT,
    formula TEXT NOT NULL,
    take_charge TEXT NOT NULL,
    first_response TEXT NOT NULL,
    resolution TEXT NOT NULL,
    escalate_after TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by BLOB REFERENCES accounts (id),
    UNIQUE (desk_kind, authority_code, service_code, version)
);

-- The clocks of a ticket, made from its history; to keep them saves work. How the present leg's
-- resolution stands is in columns, for lists.
CREATE TABLE ticket_sla (
    ticket_id BLOB NOT NULL PRIMARY KEY REFERENCES tickets (id),
    status TEXT NOT NULL CHECK (status IN ('running', 'paused', 'breached', 'met')),
    warn_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    clocks TEXT NOT NULL,
    told TEXT NOT NULL
);

-- Versions never change the past: the database is the last reviewer.
CREATE TRIGGER sla_policies_no_update BEFORE UPDATE ON sla_policies BEGIN
    SELECT RAISE(ABORT, 'sla_policies is append-only');
END;
CREATE TRIGGER sla_policies_no_delete BEFORE DELETE ON sla_policies BEGIN
    SELECT RAISE(ABORT, 'sla_policies is append-only');
END;
