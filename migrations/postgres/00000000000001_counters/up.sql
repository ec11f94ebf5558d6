-- Named numbers that must never be handed out twice, such as the protocol number of a year.
CREATE TABLE counters (
    name  TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
