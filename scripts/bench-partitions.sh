#!/usr/bin/env bash
# What partitions and composite keys of tickets and ticket_events cost and save,
# measured on copies of the two tables as the migrations make them.
#
#   scripts/bench-partitions.sh [ROWS] [VARIANT…]
#
# Variants, each loaded, measured and dropped before the next:
#   plain   the tables as they are
#   month   partitioned by month of filing; the keys need created_at
#   id      partitioned by range of the id, a UUIDv7, which is its month
#   desk    not partitioned; key_desk in every key, behind the id, as a distribution
#           needs it
#
# A throw-away server without flushes is made with scripts/with-postgres.sh: read
# the server's CPU time of an operation, its buffers and sizes, and compare
# variants; never read requests a second.  Row-level security is left out (the
# policies are the same for all).  5,000,000 rows need 15 GB of disk.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${BENCH_INSIDE:-}" ]; then
    BENCH_INSIDE=1 exec scripts/with-postgres.sh "$0" "$@"
fi

rows=${1:-5000000}
shift || true
variants=("$@")
[ "${#variants[@]}" -gt 0 ] || variants=(plain month id desk)
months=24
# The superuser of the throw-away server: loading switches triggers off.
url=${TEST_DATABASE_URL/sportello@/postgres@}
scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT

needed=$((rows / 1000 * 3 / 1000 + 1))
free=$(df -BG --output=avail "${TMPDIR:-/tmp}" | tail -1 | tr -dc 0-9)
[ "$free" -gt "$needed" ] || { echo "bench-partitions: $needed GB of disk are needed, $free are free" >&2; exit 1; }

sql() { psql -qAtX -v ON_ERROR_STOP=1 "$url" "$@"; }
seconds() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(seconds)" 'BEGIN { printf "%.1f", b - a }'; }

# CPU time of the server's processes that have ended, in ticks of 10 ms: a backend
# counts when it is reaped.
postmaster=$(head -1 "$(sql -c 'SHOW data_directory')/postmaster.pid")
ticks() { awk '{ print $16 + $17 }' "/proc/$postmaster/stat"; }
settled() { until [ "$(sql -c "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")" -eq 1 ]; do :; done; sleep 0.3; }

sql -c "ALTER SYSTEM SET autovacuum = off" -c "ALTER SYSTEM SET max_wal_size = '4GB'" \
    -c "ALTER SYSTEM SET checkpoint_timeout = '1h'" \
    -c "ALTER SYSTEM SET maintenance_work_mem = '512MB'" -c "ALTER SYSTEM SET jit = off" \
    -c "ALTER SYSTEM SET max_parallel_maintenance_workers = 0" \
    -c "ALTER SYSTEM SET max_parallel_workers_per_gather = 0" -c "SELECT pg_reload_conf()" >/dev/null
for migration in migrations/postgres/*/up.sql; do sql -1 -f "$migration" >/dev/null; done
sql >/dev/null <<'SQL'
INSERT INTO authorities (code, kind, label) SELECT 'A' || n, 'asl', 'Azienda ' || n FROM generate_series(0, 19) n;
INSERT INTO services (code, label_it, label_en) VALUES ('FSE', 'Fascicolo', 'Record');
INSERT INTO problem_types (service_code, code, label_it, label_en) VALUES ('FSE', 'errore-tecnico', 'Errore', 'Error');
ALTER DATABASE postgres SET search_path = twin, public;
-- A UUIDv7 of an instant; the rest is made of a number, so that it can be found again.
CREATE FUNCTION id_of(at timestamptz, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3)
        || '8' || substr(md5(n::text), 4, 15))::uuid $$;
CREATE FUNCTION lowest_id(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid $$;
CREATE FUNCTION filed(n bigint, all_rows bigint, months int) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT timestamptz '2025-01-01 00:00+00' + ((n - 1)::float8 / all_rows) * (timestamptz '2025-01-01 00:00+00' + make_interval(months => months) - timestamptz '2025-01-01 00:00+00') $$;
-- Sealed text is as long as this and compresses as little.
CREATE FUNCTION sealed(n bigint, parts int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT chr(1) || '7.' || string_agg(md5(n::text || 'x' || p), '') FROM generate_series(1, parts) p $$;
SQL


# --- a variant's tables ------------------------------------------------------

# Empty tables with the columns and checks of the real ones, and the variant's primary keys.
make_twin() {
    local partition='' events='' desk='' pk='id' event_pk='ticket_id, seq'
    case $1 in
        plain) ;;
        month) partition='PARTITION BY RANGE (created_at)' events='PARTITION BY RANGE (at)'
               pk='id, created_at' event_pk='ticket_id, seq, at' ;;
        id)    partition='PARTITION BY RANGE (id)' events='PARTITION BY RANGE (ticket_id)' ;;
        desk)  desk=', key_desk text NOT NULL' pk='id, key_desk' event_pk='ticket_id, seq, key_desk' ;;
        *) echo "bench-partitions: no variant $1" >&2; exit 1 ;;
    esac
    sql -c 'DROP SCHEMA IF EXISTS twin CASCADE' -c 'CREATE SCHEMA twin' \
        -c "CREATE TABLE twin.tickets (LIKE public.tickets INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY ($pk)) $partition" \
        -c "CREATE TABLE twin.ticket_events (LIKE public.ticket_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS $desk, PRIMARY KEY ($event_pk)) $events" 2>/dev/null
    [ -z "$partition" ] || sql <<SQL
DO \$\$ DECLARE low timestamptz; high timestamptz; part text; BEGIN
    FOR m IN 0..$months LOOP
        low := timestamptz '2025-01-01 00:00+00' + make_interval(months => m);
        high := low + interval '1 month';
        FOREACH part IN ARRAY ARRAY['tickets', 'ticket_events'] LOOP
            EXECUTE CASE '$1' WHEN 'id'
                THEN format('CREATE TABLE twin.%1\$s_%2\$s PARTITION OF twin.%1\$s FOR VALUES FROM (%3\$L) TO (%4\$L)',
                    part, m, lowest_id(low), lowest_id(high))
                ELSE format('CREATE TABLE twin.%1\$s_%2\$s PARTITION OF twin.%1\$s FOR VALUES FROM (%3\$L) TO (%4\$L)',
                    part, m, low, high) END;
        END LOOP;
    END LOOP;
END \$\$;
SQL
}

# What the real tables have besides: every other index, and the foreign keys that the variant can have.
finish_twin() {
    sql -c "SELECT replace(indexdef, ' ON public.', ' ON twin.') || ';' FROM pg_indexes
        WHERE schemaname = 'public' AND tablename IN ('tickets', 'ticket_events')
        AND indexname NOT IN ('tickets_pkey', 'tickets_number_key', 'ticket_events_pkey')" | sql
    sql -c "SELECT format('ALTER TABLE twin.%I ADD %s;', relname, pg_get_constraintdef(c.oid)) FROM pg_constraint c JOIN pg_class t ON t.oid = conrelid
        WHERE contype = 'f' AND conrelid IN ('public.tickets'::regclass, 'public.ticket_events'::regclass)
        AND confrelid <> 'public.tickets'::regclass" | sql
    case $1 in
        plain) sql -c 'CREATE UNIQUE INDEX tickets_number_key ON twin.tickets (number)' \
            -c 'ALTER TABLE twin.ticket_events ADD FOREIGN KEY (ticket_id) REFERENCES twin.tickets (id)' ;;
        # An event is later than its ticket: no foreign key by (ticket_id, created_at).
        month) sql -c 'CREATE UNIQUE INDEX tickets_number_key ON twin.tickets (number, created_at)' ;;
        id) sql -c 'CREATE UNIQUE INDEX tickets_number_key ON twin.tickets (number, id)' \
            -c 'ALTER TABLE twin.ticket_events ADD FOREIGN KEY (ticket_id) REFERENCES twin.tickets (id)' ;;
        desk) sql -c 'CREATE UNIQUE INDEX tickets_number_key ON twin.tickets (number, key_desk)' \
            -c 'ALTER TABLE twin.ticket_events ADD FOREIGN KEY (ticket_id, key_desk) REFERENCES twin.tickets (id, key_desk)' ;;
    esac
}

# The columns of ticket $1, an SQL expression, filed at $2.
ticket_of() {
    local n="($1)::bigint"
    cat <<SQL
id_of($2, $n), 'SA-' || $n, 3, 'FSE', 'errore-tecnico', NULL, 'A' || $n % 20, false,
CASE WHEN $n % 20 <> 0 THEN 'auto-closed' ELSE 'new' END, $2, NULL,
CASE WHEN $n % 20 <> 0 THEN 'information-given' END, NULL, '{}', false, 1 + ($n % 4)::int, NULL, '', 'web', 'citizen',
md5('i' || $n % 2000000), md5('t' || $n % 2000000), 'A' || $n % 20, md5('f' || $n % 100000), md5('e' || $n % 2000000), NULL,
sealed($n, 8), sealed(0 - $n, 16), NULL, $2, $2 + interval '3 days', $2 + interval '5 days'
SQL
}
event_of() { echo "id_of($2, ($1)::bigint), 1, $2, 'request.filed', 'new', 'requester', NULL, NULL, '{\"kind\": \"filed\", \"data\": {\"channel\": \"web\"}}'${3:-}"; }

load() {
    local desk=''
    [ "$1" != desk ] || desk=", 'A' || n % 20"
    sql -c 'SET session_replication_role = replica' -c "INSERT INTO twin.tickets SELECT $(ticket_of n at) FROM generate_series(1, $rows) n, LATERAL (SELECT filed(n, $rows, $months)) f (at)"
    sql -c 'SET session_replication_role = replica' -c "INSERT INTO twin.ticket_events SELECT $(event_of n at "$desk") FROM generate_series(1, $rows) n, LATERAL (SELECT filed(n, $rows, $months)) f (at)"
}

# --- what is measured --------------------------------------------------------

# measure NAME TRANSACTIONS: runs $scratch/NAME.sql so often and prints the server's CPU time of one.
measure() {
    local before after
    settled; before=$(ticks)
    pgbench -n -M prepared -c 1 -t "$2" -f "$scratch/$1.sql" "$url" >"$scratch/out" 2>&1 || { cat "$scratch/out" >&2; exit 1; }
    settled; after=$(ticks)
    awk -v n="$2" -v t=$((after - before)) -v what="$variant  $1: server CPU, us" 'BEGIN { printf "%-46s %10.0f\n", what, t * 10000 / n }'
}
# buffers NAME SQL: shared buffers touched, planning included, warm, by the plan a prepared statement keeps.
buffers() {
    local plan
    plan=$(sql -c "SET plan_cache_mode = force_custom_plan" -c "$2" -c "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) $2")
    printf '%-46s %10s\n' "$variant  $1: buffers" "$(awk '/Planning:/ { exit } /Buffers: shared/ { n = 0; for (i = 1; i <= NF; i++) if ($i ~ /^(hit|read)=/) { sub(/.*=/, "", $i); n += $i } print n; exit }' <<<"$plan")"
    printf '%-46s %10s\n' "$variant  $1: scans in the plan" "$(grep -cE 'Scan' <<<"$plan")"
}
figure() { printf '%-46s %10s\n' "$variant  $1" "$2"; }

page="SELECT id, number, state, priority, created_at, updated_at, due_at, dossier FROM tickets WHERE custodian = "
order='ORDER BY created_at DESC, id DESC LIMIT 51'

for variant in "${variants[@]}"; do
    started=$(seconds)
    make_twin "$variant"
    load "$variant"
    finish_twin "$variant"
    sql -c 'VACUUM (ANALYZE) twin.tickets' -c 'VACUUM (ANALYZE) twin.ticket_events' -c 'CHECKPOINT'
    figure 'loaded in, s' "$(since "$started")"
    sizes="SELECT round(sum(CASE WHEN c.relkind = 'r' THEN pg_table_size(c.oid) END) / 1e6) || ' ' || round(sum(CASE WHEN c.relkind = 'i' THEN pg_relation_size(c.oid) END) / 1e6) FROM pg_class c WHERE c.relnamespace = 'twin'::regnamespace AND c.relkind IN ('r', 'i')"
    read -r heap index < <(sql -c "$sizes")
    figure 'rows, MB' "$heap"
    figure 'indexes, MB' "$index"
    figure 'tables and indexes' "$(sql -c "SELECT count(*) FROM pg_class WHERE relnamespace = 'twin'::regnamespace AND relkind IN ('r', 'i')")"

    desk=''
    [ "$variant" != desk ] || desk=", 'A' || (:n)::bigint % 20"
    half="filed($((rows / 2)), $rows, $months)"
    cat >"$scratch/first-page.sql" <<<"$page 'A7' $order;"
    cat >"$scratch/deep-page.sql" <<<"$page 'A7' AND (created_at, id) < ('$(sql -c "SELECT $half")', 'ffffffff-ffff-7fff-8fff-ffffffffffff') $order;"
    cat >"$scratch/by-id.sql" <<SQL
\\set n random(1, $rows)
SELECT id_of(filed((:n)::bigint, $rows, $months), (:n)::bigint) AS id \\gset
SELECT * FROM tickets WHERE id = :id;
SELECT * FROM ticket_events WHERE ticket_id = :id ORDER BY seq;
SQL
    cat >"$scratch/by-number.sql" <<SQL
\\set n random(1, $rows)
SELECT * FROM tickets WHERE number = 'SA-' || (:n)::bigint;
SQL
    # Ids of the last month, as filings of today.
    cat >"$scratch/create.sql" <<SQL
\\set n random(100000000, 2000000000)
BEGIN;
INSERT INTO tickets VALUES ($(ticket_of :n "timestamptz '2026-12-31 12:00+00'" | sed -E "s/sealed\([^,]*, ([0-9]+)\)/repeat('7f', \1 * 16)/g"));
INSERT INTO ticket_events VALUES ($(event_of :n "timestamptz '2026-12-31 12:00+00'" "$desk"));
COMMIT;
SQL
    one="(SELECT id_of(filed($((rows / 3)), $rows, $months), $((rows / 3))))"
    id=$(sql -c "SELECT $one")
    for what in first-page deep-page; do buffers "$what" "$(tr -d ';' <"$scratch/$what.sql")"; done
    buffers 'ticket by id' "SELECT * FROM tickets WHERE id = '$id'"
    buffers 'events by ticket' "SELECT * FROM ticket_events WHERE ticket_id = '$id' ORDER BY seq"
    buffers 'ticket by number' "SELECT * FROM tickets WHERE number = 'SA-$((rows / 3))'"
    measure by-id 5000
    measure by-number 5000
    measure first-page 2000
    measure deep-page 2000
    measure create 5000

    # The oldest month goes: row by row as retention does, or as a partition.
    before=$(ticks); started=$(seconds); wal=$(sql -c 'SELECT pg_current_wal_lsn()')
    case $variant in
        month | id) sql -c 'ALTER TABLE twin.ticket_events DETACH PARTITION twin.ticket_events_0' -c 'DROP TABLE twin.ticket_events_0' \
            -c 'ALTER TABLE twin.tickets DETACH PARTITION twin.tickets_0' -c 'DROP TABLE twin.tickets_0' ;;
        *) keys="DELETE FROM ticket_events WHERE ticket_id < lowest_id(timestamptz '2025-02-01 00:00+00')"
            sql -c "$keys" -c "DELETE FROM tickets WHERE created_at < '2025-02-01 00:00+00'" ;;
    esac
    settled
    figure 'oldest month goes: server CPU, ms' "$((($(ticks) - before) * 10))"
    figure 'oldest month goes: log, MB' "$(sql -c "SELECT round((pg_current_wal_lsn() - '$wal'::pg_lsn) / 1e6)")"
    settled; before=$(ticks)
    sql -c 'VACUUM twin.tickets' -c 'VACUUM twin.ticket_events'
    settled
    figure 'vacuum afterwards: server CPU, ms' "$((($(ticks) - before) * 10))"
    sql -c 'DROP SCHEMA twin CASCADE' 2>/dev/null
    echo
done
