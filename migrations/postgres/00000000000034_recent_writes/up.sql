-- Who wrote a moment ago, where a replica is read from (docs/adr/0041): a mark is written in the
-- transaction of what they wrote, so that a replica which shows the mark shows that, too. A reader is a
-- keyed print, and a mark a UUIDv7, which says when. Rows are of use for two minutes.
CREATE TABLE recent_writes (
    reader TEXT NOT NULL,
    mark UUID NOT NULL,
    PRIMARY KEY (reader, mark)
);
