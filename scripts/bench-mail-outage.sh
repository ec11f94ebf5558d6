#!/usr/bin/env bash
# What a mail server that is down costs the API: two servers side by side, one
# whose mail goes to a folder and one whose mail server takes connections and
# says nothing, each with a hundred mails to send.  Requests go to the one and
# the other in turn; printed are the medians, the 95th percentiles and their ratio.
#
#   scripts/bench-mail-outage.sh [REQUESTS]
set -euo pipefail
cd "$(dirname "$0")/.."

requests=${1:-300}
backlog=100
cargo build -q -p server
program=$PWD/target/debug/sportello
work=$(mktemp -d "${TMPDIR:-/tmp}/sportello-bench.XXXXXX")
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf -- "$work"
}
trap finish EXIT

# there FILE: waits for what another process writes, a minute at most.
there() {
    for _ in $(seq 600); do
        [ -s "$1" ] && return
        sleep 0.1
    done
    echo "bench: nobody wrote $1" >&2
    exit 1
}

# A mail server that takes every connection and says nothing.
cat >"$work/hang.py" <<'PY'
import socket, sys
listener = socket.create_server(("127.0.0.1", 0), backlog=128)
open(sys.argv[1], "w").write(str(listener.getsockname()[1]))
held = []
while True:
    held.append(listener.accept())
PY
python3 "$work/hang.py" "$work/smtp-port" & pids+=("$!")
there "$work/smtp-port"

# start NAME SETTING… : starts a server in a folder of its own.
start() {
    local name=$1
    shift
    mkdir "$work/$name"
    (cd "$work/$name" && exec env SPORTELLO__HTTP__BIND=127.0.0.1:0 \
        SPORTELLO__HTTP__REQUESTS_PER_MINUTE=1000000 \
        SPORTELLO__HTTP__REQUESTS_PER_MINUTE_CITIZEN=1000000 \
        SPORTELLO__QUOTA__FILINGS_PER_DAY=10000 \
        SPORTELLO__NOTIFICATIONS__COPY_TO_CITIZENS=true \
        SPORTELLO__LOG__FILTER=error "$@" \
        "$program" serve --demo --port-file "$work/$name/port" >/dev/null 2>&1) &
    pids+=("$!")
    there "$work/$name/port"
    token[$name]=$(cd "$work/$name" && "$program" demo citizen-token --tax-code RSSMRA80A01H501U \
        --given-name Mario --family-name Rossi --email mario.rossi@example.org)
    address[$name]=http://$(cat "$work/$name/port")
    (cd "$work/$name" && "$program" demo accounts --json) >"$work/$name/accounts.json"
    operator[$name]=$(python3 - "$work/$name/accounts.json" <<'PY'
import json, sys
for one in json.load(open(sys.argv[1])):
    placements = one["placements"]
    if len(placements) == 1 and placements[0]["role"] == "operator" and placements[0]["authority"]["code"] == "010204":
        print(json.dumps({"username": one["username"], "password": one["password"]}))
        break
PY
)
}
declare -A token address operator

form='{"service_code":"FSE","problem_type":"errore-tecnico","authority_code":"010204","description":"prova","privacy_ack":true}'
file() {
    curl -s -o "$work/answer" -w '%{time_total} %{http_code}\n' -H "authorization: Bearer ${token[$1]}" \
        -H 'content-type: application/json' -d "$form" "${address[$1]}/v1/tickets"
}

start folder
start hanging SPORTELLO__MAIL__TRANSPORT=smtp SPORTELLO__MAIL__SMTP__HOST=127.0.0.1 \
    SPORTELLO__MAIL__SMTP__TLS=none SPORTELLO__MAIL__SMTP__PORT="$(cat "$work/smtp-port")"

resolve='{"action":"resolve","resolution_code":"information-given","note":{"body":"Fatto.","published":true}}'
for name in folder hanging; do
    access=$(curl -s -H 'content-type: application/json' -d "${operator[$name]}" "${address[$name]}/v1/sessions" |
        python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])')
    for _ in $(seq "$backlog"); do
        file "$name" >/dev/null
        id=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["id"])' "$work/answer")
        curl -s -o /dev/null -H "authorization: Bearer $access" -H 'if-match: "1"' \
            -H 'content-type: application/json' -d "$resolve" "${address[$name]}/v1/tickets/$id/actions"
    done
done
for _ in $(seq "$requests"); do
    for name in folder hanging; do file "$name" >>"$work/$name.times"; done
done
python3 - "$work" <<'PY'
import sys
def times(name):
    rows = [line.split() for line in open(f"{sys.argv[1]}/{name}.times")]
    assert all(status == "201" for _, status in rows), "a filing was refused"
    return sorted(float(seconds) * 1000 for seconds, _ in rows)
at = lambda values, share: values[int(len(values) * share)]
folder, hanging = times("folder"), times("hanging")
for share, label in ((0.5, "median"), (0.95, "95th percentile")):
    one, other = at(folder, share), at(hanging, share)
    print(f"{label}: {one:.1f} ms with mail, {other:.1f} ms with a mail server that hangs, ratio {other / one:.2f}")
PY
