#!/usr/bin/env bash
# What entries of the audit trail weigh on PostgreSQL, with their links and their
# index: one about one request, such as a screen, and one about a page of fifty.
#
#   scripts/bench-trail-size.sh [ENTRIES]
#
# Bytes of rows and indexes, for each entry; on a throw-away server.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${BENCH_INSIDE:-}" ]; then
    BENCH_INSIDE=1 exec scripts/with-postgres.sh "$0" "$@"
fi
entries=${1:-20000}
# The superuser of the throw-away server: loading switches triggers off.
url=${TEST_DATABASE_URL/sportello@/postgres@}
sql() { psql -qAtX -v ON_ERROR_STOP=1 "$url" "$@"; }
for migration in migrations/postgres/*/up.sql; do sql -1 -f "$migration" >/dev/null; done

for tickets in 1 50; do
    sql <<SQL
SET session_replication_role = replica;
TRUNCATE audit_entries, audit_links, audit_tickets, audit_subjects, audit_accounts;
CREATE TEMP TABLE seen AS
    SELECT n AS entry, p, gen_random_uuid() AS ticket, '1.' || encode(sha256((n || '/' || p)::bytea), 'hex') AS subject
    FROM generate_series(1, $entries) n, generate_series(1, $tickets) p;
CREATE TEMP TABLE entries AS
    SELECT entry, gen_random_uuid() AS id, timestamptz '2026-01-01' + entry * interval '1 second' AS at, gen_random_uuid() AS account,
        'A' || entry % 20 AS chain,
        jsonb_build_object('operation', 'list_tickets', 'outcome', 'done', 'purpose', 'assistance',
            'correlation', gen_random_uuid(), 'actor', jsonb_build_object('kind', 'staff', 'account', gen_random_uuid(),
            'placement', gen_random_uuid(), 'role', 'operator', 'authority', 'A' || entry % 20, 'location', 'sede'),
            'tickets', jsonb_agg(ticket), 'subjects', jsonb_agg(subject))::text AS body
    FROM seen GROUP BY entry;
INSERT INTO audit_entries SELECT id, 1, chain, at, body, encode(sha256(id::text::bytea), 'hex') FROM entries ORDER BY entry;
INSERT INTO audit_links SELECT chain, entry, id, 1, sha256(id::text::bytea), sha256(body::bytea) FROM entries ORDER BY entry;
INSERT INTO audit_tickets SELECT ticket, at, id, 1 FROM seen JOIN entries USING (entry) ORDER BY entry;
INSERT INTO audit_subjects SELECT subject, at, id, 1 FROM seen JOIN entries USING (entry) ORDER BY entry;
INSERT INTO audit_accounts SELECT account, at, id, 1 FROM entries ORDER BY entry;
DROP TABLE seen, entries;
SQL
    printf 'an entry about %2d: ' "$tickets"
    sql -F ' ' -c "SELECT pg_total_relation_size('audit_entries') / $entries, 'bytes of evidence,',
        pg_total_relation_size('audit_links') / $entries, 'of its link,',
        (pg_total_relation_size('audit_tickets') + pg_total_relation_size('audit_subjects')
            + pg_total_relation_size('audit_accounts')) / $entries, 'of its index'"
done
