#!/usr/bin/env bash
# What the audit trail costs: a filing and a change by staff with and without an
# entry, in turn on the same database, and how many entries are linked and proved
# in a second, on SQLite and on a throw-away PostgreSQL.  Printed are medians and
# their ratio; read the ratio, since the times are this machine's.
#
#   scripts/bench-audit.sh [PAIRS]
#
# With --release in front the program is built as it is shipped.
set -euo pipefail
cd "$(dirname "$0")/.."

build=()
if [ "${1:-}" = --release ]; then
    build=(--release)
    shift
fi
bench=(cargo run -q "${build[@]}" -p tests --example bench_audit -- "$@")
if [ -z "${TEST_DATABASE_URL:-}" ]; then
    bench=(scripts/with-postgres.sh "${bench[@]}")
fi
"${bench[@]}"
