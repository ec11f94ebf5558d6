#!/usr/bin/env bash
# Runs a command beside a demo made for it alone.
#
#   scripts/with-demo.sh COMMAND [ARGUMENT…]
#
# The demo lives in a temporary folder and listens on a free loopback port. The command finds it by
# URL, DATA and SPORTELLO, as scripts/demo.sh expects them; its exit code is that of this script.
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$#" -gt 0 ] || { echo 'usage: scripts/with-demo.sh COMMAND [ARGUMENT…]' >&2; exit 1; }

cargo build -q --bin sportello
export SPORTELLO=${CARGO_TARGET_DIR:-target}/debug/sportello
folder=$(mktemp -d "${TMPDIR:-/tmp}/sportello-demo.XXXXXX")
export DATA=$folder/data SPORTELLO__DATA__FOLDER=$folder/data SPORTELLO__HTTP__BIND=127.0.0.1:0

"$SPORTELLO" serve --demo --port-file "$folder/port" >"$folder/log" 2>&1 &
server=$!
finish() {
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    rm -rf -- "$folder"
}
trap finish EXIT

for _ in $(seq 600); do
    [ -s "$folder/port" ] && break
    kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
    sleep 0.1
done
[ -s "$folder/port" ] || { echo 'with-demo: the demo did not listen within a minute' >&2; exit 1; }
URL=http://$(cat "$folder/port")
export URL
"$@"
