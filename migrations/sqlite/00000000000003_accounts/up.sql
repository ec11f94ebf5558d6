-- Staff accounts, their placements and their log-ins.
CREATE TABLE accounts (
    id BLOB NOT NULL PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    failures INTEGER NOT NULL,
    blocked_until BIGINT,
    created_at BIGINT NOT NULL
);

CREATE TABLE placements (
    id BLOB NOT NULL PRIMARY KEY,
    account_id BLOB NOT NULL REFERENCES accounts (id),
    role TEXT NOT NULL CHECK (role IN ('operator', 'supervisor', 'admin', 'regional-operator',
        'regional-supervisor', 'technician', 'system-admin', 'auditor')),
    authority_code TEXT NOT NULL REFERENCES authorities (code),
    location_code TEXT NOT NULL,
    location_label TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    UNIQUE (account_id, role, authority_code, location_code)
);
CREATE INDEX placements_by_authority ON placements (authority_code);

-- A row is a family of refresh tokens: a reused one revokes it (D-3).
CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY,
    account_id BLOB NOT NULL REFERENCES accounts (id),
    placement_id BLOB REFERENCES placements (id),
    refresh_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX sessions_by_account ON sessions (account_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);
