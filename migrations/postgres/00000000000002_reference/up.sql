-- Reference data, upserted from config/reference at every start (`domain.md` §7.3, §8).
CREATE TABLE authorities (
    code TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('asl', 'ao', 'aou', 'other', 'region', 'technical')),
    label TEXT NOT NULL,
    valid_from TEXT,
    valid_to TEXT,
    successor TEXT,
    CHECK (valid_to IS NULL OR valid_from IS NULL OR valid_to >= valid_from)
);

CREATE TABLE services (
    code TEXT NOT NULL PRIMARY KEY,
    label_it TEXT NOT NULL,
    label_en TEXT NOT NULL,
    valid_from TEXT,
    valid_to TEXT
);

CREATE TABLE problem_types (
    service_code TEXT NOT NULL REFERENCES services (code),
    code TEXT NOT NULL,
    label_it TEXT NOT NULL,
    label_en TEXT NOT NULL,
    valid_from TEXT,
    valid_to TEXT,
    PRIMARY KEY (service_code, code)
);
