#!/usr/bin/env bash
# Walks through a running demo: a citizen files, an operator takes and answers.
#
#   make run            in one terminal
#   make demo           in another (URL=http://address:port for another place)
#
# Needs curl and python3, and an instance that was started in demo mode.
set -euo pipefail
cd "$(dirname "$0")/.."

url=${URL:-http://127.0.0.1:8080}
api=$url/v1
authority=010204

step() { printf '\n--- %s\n' "$*"; }
die() { printf 'demo: %s\n' "$*" >&2; exit 1; }

for tool in curl python3 cargo; do
    command -v "$tool" >/dev/null || die "$tool is missing; install it with your package manager"
done
curl -sf -o /dev/null "$url/health/live" || die "nobody answers at $url; start the demo with: make run"

sportello() { cargo run -q --bin sportello -- "$@"; }

# pick KEY…: walks into a JSON document.
pick() {
    python3 -c 'import functools, json, sys
print(functools.reduce(lambda at, key: at[int(key) if key.isdigit() else key], sys.argv[1:], json.load(sys.stdin)))' "$@"
}

# call METHOD PATH TOKEN [BODY [ETAG]]: prints the body; a failure shows the problem and stops.
call() {
    local answer status
    local arguments=(-s -w '\n%{http_code}' -X "$1" "$api$2" -H 'Accept-Language: it')
    [ -z "$3" ] || arguments+=(-H "Authorization: Bearer $3")
    if [ -n "${4:-}" ]; then
        arguments+=(-H 'Content-Type: application/json' -d "$4")
        arguments+=(-H "Idempotency-Key: \"$(python3 -c 'import uuid; print(uuid.uuid4())')\"")
    fi
    [ -z "${5:-}" ] || arguments+=(-H "If-Match: $5")
    answer=$(curl "${arguments[@]}")
    status=${answer##*$'\n'}
    answer=${answer%$'\n'*}
    case $status in
        2*) printf '%s\n' "$answer" ;;
        *) die "$1 $2 answered $status: $answer" ;;
    esac
}

# etag PATH TOKEN: the version of a ticket, for If-Match.
etag() {
    curl -s -o /dev/null -D - "$api$1" -H "Authorization: Bearer $2" \
        | awk 'tolower($1) == "etag:" { sub(/\r$/, "", $2); print $2 }'
}

# act TICKET TOKEN BODY: one action on the ticket as it is now.
act() {
    call POST "/tickets/$1/actions" "$2" "$3" "$(etag "/tickets/$1" "$2")"
}

step 'the catalogue is public'
call GET /services '' | python3 -c 'import json, sys
for service in json.load(sys.stdin)["items"]:
    print(" ", service["code"], "-", service["label"])'

step 'a citizen signs in and files'
# A made-up person: the textbook example of a tax code.
citizen=$(sportello demo citizen-token --tax-code RSSMRA80A01H501U --given-name Mario --family-name Rossi \
    --email mario.rossi@example.org)
filed=$(call POST /tickets "$citizen" '{"service_code": "FSE", "problem_type": "errore-tecnico",
    "authority_code": "'"$authority"'", "description": "La pagina dei referti mostra un errore.", "privacy_ack": true}')
ticket=$(printf '%s' "$filed" | pick id)
echo "  richiesta $(printf '%s' "$filed" | pick number): $(printf '%s' "$filed" | pick state_label)"

step 'an operator of that authority signs in'
login=$(sportello demo accounts --json | python3 -c 'import json, sys
for account in json.load(sys.stdin):
    placements = account["placements"]
    if len(placements) == 1 and placements[0]["role"] == "operator" \
            and placements[0]["authority"]["code"] == sys.argv[1]:
        print(json.dumps({"username": account["username"], "password": account["password"]}))
        break
else:
    sys.exit("no demo operator at that authority")' "$authority")
operator=$(call POST /sessions '' "$login" | pick access_token)
call GET /queues "$operator" >/dev/null
call GET "/tickets?state=new&limit=5" "$operator" | python3 -c 'import json, sys
for ticket in json.load(sys.stdin)["items"]:
    print(" ", ticket["number"], ticket["state"])'

step 'takes the request, leaves an internal note, and asks'
act "$ticket" "$operator" '{"action": "take"}' >/dev/null
act "$ticket" "$operator" '{"action": "note", "note": {"body": "Verifica avviata.", "published": false}}' >/dev/null
act "$ticket" "$operator" '{"action": "ask-info", "note": {"body": "Con quale browser accade?", "published": true}}' >/dev/null

step 'the citizen answers'
call POST "/me/tickets/$ticket/messages" "$citizen" '{"body": "Con Firefox."}' >/dev/null
act "$ticket" "$operator" '{"action": "resolve", "resolution_code": "information-given",
    "note": {"body": "Il problema è stato corretto, può riprovare.", "published": true}}' >/dev/null

step 'what the citizen sees'
call GET "/me/tickets/$ticket" "$citizen" | python3 -m json.tool --no-ensure-ascii

printf '\nThe request closes by itself when nobody replies in the reply window.\n'
