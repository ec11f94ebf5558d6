-- Who may file and read for whom, where the table is the configured source. Kept by hand; asked at each use.
CREATE TABLE delegations (
    id UUID NOT NULL PRIMARY KEY,
    delegate_tax_code TEXT NOT NULL,
    delegator_tax_code TEXT NOT NULL,
    valid_from TIMESTAMPTZ NOT NULL,
    valid_to TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    CHECK (delegate_tax_code <> delegator_tax_code),
    CHECK (valid_to IS NULL OR valid_to > valid_from)
);
CREATE INDEX delegations_by_delegate ON delegations (delegate_tax_code);
