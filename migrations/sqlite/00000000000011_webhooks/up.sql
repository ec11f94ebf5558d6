-- Where authorities' own programs are told what happened. Deliveries are rows of the outbox.
CREATE TABLE webhook_endpoints (
    id BLOB NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL CHECK (version >= 1),
    desk TEXT NOT NULL REFERENCES authorities (code),
    url TEXT NOT NULL,
    label TEXT NOT NULL,
    event_types TEXT NOT NULL,
    disabled_reason TEXT CHECK (disabled_reason IN ('by-hand', 'gone', 'failing')),
    disabled_at BIGINT,
    failing_since BIGINT,
    created_at BIGINT NOT NULL,
    created_by BLOB NOT NULL REFERENCES accounts (id),
    deleted_at BIGINT,
    CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
);
CREATE INDEX webhook_endpoints_by_desk ON webhook_endpoints (desk, id) WHERE deleted_at IS NULL;

-- What deliveries are signed with, sealed; two are good at once while a receiver changes.
CREATE TABLE webhook_secrets (
    id BLOB NOT NULL PRIMARY KEY,
    endpoint_id BLOB NOT NULL REFERENCES webhook_endpoints (id),
    sealed BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX webhook_secrets_by_endpoint ON webhook_secrets (endpoint_id, created_at);

-- Each try to deliver: what was answered, or why nothing was. Never what was in the answer.
CREATE TABLE webhook_attempts (
    delivery_id BLOB NOT NULL REFERENCES outbox (id),
    number INTEGER NOT NULL CHECK (number >= 1),
    at BIGINT NOT NULL,
    status INTEGER,
    fault TEXT,
    duration_ms BIGINT NOT NULL,
    PRIMARY KEY (delivery_id, number),
    CHECK ((status IS NULL) <> (fault IS NULL))
);

-- What is due at each endpoint: a slow one must not stand in the way of the others.
CREATE INDEX outbox_due_by_endpoint ON outbox (endpoint_id, due_at, id)
    WHERE endpoint_id IS NOT NULL AND state = 'pending';
