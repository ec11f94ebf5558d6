#!/usr/bin/env bash
# Measures the program beside its databases, and writes docs/performance.{md,json}
# and the plots.
#
#   scripts/bench.sh
#
# Set in the environment, or behind `make bench`:
#   N=10000            requests to load before measuring
#   DATABASES='sqlite postgres'
#   SECONDS_EACH=10    how long each workload is driven in a round
#   ROUNDS=3           rounds, program and floor in turn; medians are told
#   ONLY=create,page   workloads whose name holds one of these; all if not set
#   INDEXES=anew       PostgreSQL: make the indexes after loading
#   COPY=no            PostgreSQL: no second database, which takes as much disk
#                      again, for the statements of a filing alone
#   PROFILE=release    how program and loader are built; dev for a trial
#   OUT=docs           where the results go
#
# PostgreSQL is a throw-away server that flushes as in earnest.
set -euo pipefail
cd "$(dirname "$0")/.."

die() { echo "bench: $*" >&2; exit 1; }

# Installs the distribution's own package.
if ! command -v wrk >/dev/null; then
    command -v apt-get >/dev/null || die 'wrk is missing; install it with your package manager'
    echo 'bench: no wrk found, installing the package wrk' >&2
    as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi; }
    as_root apt-get update -q >&2 </dev/null || true
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends wrk >&2 </dev/null \
        || die 'apt-get could not install wrk'
fi
ulimit -n "$(ulimit -Hn)" || true

export PROFILE=${PROFILE:-release} DAY SECONDS_EACH ROUNDS N WRK_VERSION POSTGRES_VERSION
DAY=$(date -u +%F)
SECONDS_EACH=${SECONDS_EACH:-10}
ROUNDS=${ROUNDS:-3}
N=${N:-10000}
WRK_VERSION=$(wrk --version 2>&1 | sed -n 's/^\(wrk [^ ]*\).*/\1/p' | head -n 1 || true)

built=$PROFILE
[ "$PROFILE" != dev ] || built=debug
program=$PWD/${CARGO_TARGET_DIR:-target}/$built/sportello
bench=$(cargo build --quiet --profile "$PROFILE" --package server --package tests --bin sportello --bench sportello \
    --message-format=json | sed -n 's/.*"kind":\["bench"\].*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
[ -x "$bench" ] || die 'the loader was not built'
export PROGRAM=$program BENCH=$bench

# shellcheck disable=SC2016 # read by the shell that runs beside the server
DURABLE=yes scripts/with-postgres.sh bash -c '
    POSTGRES_VERSION=$($TEST_DATABASE_PSQL --no-psqlrc --tuples-only --no-align --command "SHOW server_version" postgres)
    export POSTGRES_VERSION
    exec "$BENCH"'
