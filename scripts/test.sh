#!/usr/bin/env bash
# Runs the whole suite once, on SQLite and on PostgreSQL.
#
#   scripts/test.sh [ARGUMENT FOR cargo test…]
#
# Every database test runs on both databases when TEST_DATABASE_URL is set, and
# this script sees to it that it is: it starts a throw-away server, or fails.
# Set TEST_DATABASE_URL yourself to use a server that you have already.
#
# The tests that need a replica run afterwards, beside a server that has one.
#
# Nobody of tests/canaries.txt may be found on that server's disk, nor in its log.
#
# The last line adds up all test binaries: "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp "${TMPDIR:-/tmp}/sportello-test.XXXXXX")
trap 'rm -f -- "$log"' EXIT

suite=(cargo test --workspace --no-fail-fast "$@")
replica=()
if [ -z "${TEST_DATABASE_URL:-}" ]; then
    export NEVER_STORED=tests/canaries.txt
    suite=(scripts/with-postgres.sh "${suite[@]}")
    if [ "$#" -eq 0 ]; then
        # Of the whole workspace, so that nothing is built with other features.
        replica=(scripts/with-postgres.sh cargo test --workspace --test nodes replica)
    fi
fi

code=0
"${suite[@]}" 2>&1 </dev/null | tee "$log" || code=$?
if [ "${#replica[@]}" -gt 0 ]; then
    unset NEVER_STORED
    WITH_REPLICA=1 "${replica[@]}" 2>&1 </dev/null | tee -a "$log" || code=$?
fi

# "test result: ok. 12 passed; 0 failed; …", once per test binary.
read -r passed failed < <(awk '
    /^test result: / {
        for (i = 2; i <= NF; i++) {
            if ($i ~ /^passed;/) passed += $(i - 1)
            if ($i ~ /^failed;/) failed += $(i - 1)
        }
    }
    END { print passed + 0, failed + 0 }' "$log")

if [ "$code" -eq 0 ] && [ "$passed" -eq 0 ]; then
    echo 'test: not one test ran, which cannot be right' >&2
    code=1
fi
if [ "$code" -ne 0 ] && [ "$failed" -eq 0 ]; then
    echo 'test: stopped before all tests could run, see above' >&2
fi
echo
echo "$passed passed, $failed failed"
exit "$code"
