#!/usr/bin/env bash
# Plays the whole story against a running demo, with curl, and prints each step.
#
#   make run            in one terminal
#   make demo           in another (URL=http://address:port for another place)
#
# Needs curl and python3, and an instance that was started in demo mode. DATA names its data folder.
set -euo pipefail
cd "$(dirname "$0")/.."

url=${URL:-http://127.0.0.1:8080}
api=$url/v1
data=${DATA:-data}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step() { printf '\n--- %s\n' "$*"; }
say() { printf '    %s\n' "$*"; }
die() { printf 'demo: %s\n' "$*" >&2; exit 1; }

for tool in curl python3 cargo; do
    command -v "$tool" >/dev/null || die "$tool is missing; install it with your package manager"
done
curl -sf -o /dev/null "$url/health/live" || die "nobody answers at $url; start the demo with: make run"
[ -d "$data/mail" ] || die "no mail folder in $data; start the demo with: make run"

sportello() { ${SPORTELLO:-cargo run -q --bin sportello --} "$@"; }

# pick KEY…: walks into a JSON document.
pick() {
    python3 -c 'import functools, json, sys
print(functools.reduce(lambda at, key: at[int(key) if key.isdigit() else key], sys.argv[1:], json.load(sys.stdin)))' "$@"
}

# request METHOD PATH TOKEN CURL-ARGUMENTS…: leaves the body in $answer and the status in $status.
request() {
    local method=$1 path=$2 token=$3
    shift 3
    [ -z "$token" ] || set -- -H "Authorization: Bearer $token" "$@"
    [ "$method" != POST ] || set -- -H "Idempotency-Key: \"$(python3 -c 'import uuid; print(uuid.uuid4())')\"" "$@"
    answer=$(curl -s -w '\n%{http_code}' -X "$method" "$api$path" -H 'Accept-Language: it' "$@")
    status=${answer##*$'\n'}
    answer=${answer%$'\n'*}
}

# call: a request that must succeed; prints its body.
call() {
    request "$@"
    case $status in
        2*) printf '%s\n' "$answer" ;;
        *) die "$1 $2 answered $status: $answer" ;;
    esac
}

json() { printf '%s' '-HContent-Type: application/json'; }

# etag TICKET TOKEN: the version of a ticket, for If-Match.
etag() {
    curl -s -o /dev/null -D - "$api/tickets/$1" -H "Authorization: Bearer $2" \
        | awk 'tolower($1) == "etag:" { sub(/\r$/, "", $2); print $2 }'
}

# act TICKET TOKEN BODY: one action on the ticket as it is now; prints who reads the note.
act() {
    call POST "/tickets/$1/actions" "$2" "$(json)" -H "If-Match: $(etag "$1" "$2")" -d "$3" | python3 -c 'import json, sys
done = json.load(sys.stdin)
told = ", ".join(one["audience"] + " by " + one["channel"] for one in done["notified"]) or "nobody"
print("   ", done["entry"]["event"], "->", done["ticket"]["state_label"] + ";", "note for", done["entry"]["audience"] or "nobody", "- told:", told)'
}

# refused TICKET TOKEN BODY: the same, but it must be refused.
refused() {
    request POST "/tickets/$1/actions" "$2" "$(json)" -H "If-Match: $(etag "$1" "$2")" -d "$3"
    case $status in
        4*) say "refused with $status: $(printf '%s' "$answer" | pick title)" ;;
        *) die "this should have been refused, but answered $status" ;;
    esac
}

# mail ADDRESS WORDS: waits for the newest mail to ADDRESS whose subject or text has WORDS; prints its text.
mail() {
    python3 - "$data/mail" "$1" "$2" <<'PY' || die "no mail with \"$2\" came to $1"
import email, email.policy, pathlib, sys, time
folder, address, words = sys.argv[1:]
for _ in range(150):
    for path in sorted(pathlib.Path(folder).glob("*.eml"), reverse=True):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        text = message.get_body(("plain",)).get_content()
        if address in message["To"] and (words in text or words in message["Subject"]):
            print(text)
            sys.exit(0)
    time.sleep(0.2)
sys.exit(1)
PY
}

accounts=$(sportello demo accounts --json)
# token ROLE AUTHORITY [N]: logs the N-th demo account in that has this one placement.
token() {
    local login
    login=$(printf '%s' "$accounts" | python3 -c 'import json, sys
role, authority, nth = sys.argv[1], sys.argv[2], int(sys.argv[3])
fitting = [a for a in json.load(sys.stdin) if [(p["role"], p["authority"]["code"]) for p in a["placements"]] == [(role, authority)]]
print(json.dumps({"username": fitting[nth]["username"], "password": fitting[nth]["password"]}))' "$1" "$2" "${3:-0}")
    call POST /sessions '' "$(json)" -d "$login" | pick access_token
}

address="anna.bianchi.$RANDOM@example.org"

step "An anonymous citizen proves the address $address"
proof=$(call POST /email-proofs '' "$(json)" -d "{\"email\": \"$address\"}" | pick id)
code=$(mail "$address" 'codice' | grep -Eo '\b[0-9]{6}\b' | head -n 1)
say "the code came by mail: $code"
email_proof=$(call POST "/email-proofs/$proof/verifications" '' "$(json)" -d "{\"code\": \"$code\"}" | pick email_proof)

step 'files "Referto non trovato" at ASL TO4, with a PDF of 300 KB'
python3 -c 'import sys; open(sys.argv[1], "wb").write(b"%PDF-1.4\n" + b"% demo\n" * 43885 + b"%%EOF\n")' "$work/ricevuta.pdf"
filed=$(call POST /tickets '' -F service_code=FSE -F problem_type=referto-non-trovato -F authority_code=010204 \
    -F given_name=Anna -F family_name=Bianchi -F tax_code=BNCLRA92C41L219D -F "email=$address" \
    -F 'description=Il referto del 12 novembre non si trova.' -F privacy_ack=true -F "email_proof=$email_proof" \
    -F extra.exam_date=2026-11-12 -F extra.team_number=80380000100000000001 \
    -F "attachment=@$work/ricevuta.pdf;type=application/pdf")
ticket=$(printf '%s' "$filed" | pick id)
number=$(printf '%s' "$filed" | pick number)
say "richiesta $number: $(printf '%s' "$filed" | pick state_label)"
link=$(mail "$address" "$number" | grep -Eo 'https?://[^ ]*secret=[A-Za-z0-9_-]+' | head -n 1)
secret=${link##*secret=}
say "the receipt came by mail, with the tracking link"

step 'An operator of TO4 sees it in the queue, takes it, assigns a colleague, asks which report'
to4=$(token operator 010204)
call GET "/tickets?state=new&limit=3" "$to4" | python3 -c 'import json, sys
for one in json.load(sys.stdin)["items"]: print("   ", one["number"], one["state_label"], "-", one["problem_type"]["label"])'
colleague=$(call GET /assignees "$to4" | python3 -c 'import json, sys
me = sys.argv[1]
print(next(one["id"] for one in json.load(sys.stdin)["items"] if one["kind"] == "operator" and one["id"] != me))' \
    "$(call GET /me "$to4" | pick id)")
act "$ticket" "$to4" '{"action": "take"}'
act "$ticket" "$to4" "{\"action\": \"assign\", \"assignee\": \"$colleague\"}"
act "$ticket" "$to4" '{"action": "ask-info", "note": {"body": "Quale referto cerca?", "published": true}}'
refused "$ticket" "$to4" '{"action": "close"}'
mail "$address" 'Quale referto cerca?' >/dev/null
say "the question came by mail"

step 'The citizen answers with a JPEG through the tracking link'
tracking() { call POST /tracking-sessions '' "$(json)" -d "{\"number\": \"$number\", \"secret\": \"$secret\"}" | pick access_token; }
citizen=$(tracking)
python3 -c 'import sys; open(sys.argv[1], "wb").write(bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9"))' "$work/foto.jpg"
call POST "/me/tickets/$ticket/messages" "$citizen" -F 'body=Quello di ortopedia, in foto.' -F "attachment=@$work/foto.jpg;type=image/jpeg" >/dev/null
say "stato: $(call GET "/me/tickets/$ticket" "$citizen" | pick state_label)"

step 'TO4 wants to hand it over, and the playbook asks what was found out first'
hand_over() { python3 -c 'import json, sys
print(json.dumps({"action": "hand-over", "reason_code": "issued-by-other-authority", "expected_audience": "region",
    "note": {"body": sys.argv[1], "published": True}}))' "$1"; }
refused "$ticket" "$to4" "$(hand_over 'Non è nostro.')"
call GET "/tickets/$ticket/playbook" "$to4" | python3 -c 'import json, sys
shown = json.load(sys.stdin)
print("   ", shown["playbook"]["code"], shown["playbook"]["label"])
for check in shown["run"]["checks"]: print("   ", check["code"], check["question"])'
answered=$(call PUT "/tickets/$ticket/playbook/answers" "$to4" "$(json)" \
    -d '{"answers": {"c1": "no"}, "values": {"suggested_authority": "010210"}, "evidence": {"c1": "Archivio referti aziendale"}}')
say "$(printf '%s' "$answered" | pick decision): $(printf '%s' "$answered" | pick why 0)"
draft=$(printf '%s' "$answered" | pick note_draft body)
say "drafted for the $(printf '%s' "$answered" | pick note_draft audience): $draft"

step 'It was issued elsewhere: TO4 hands it over with the drafted note for the region'
act "$ticket" "$to4" "$(hand_over "$draft")"
if call GET "/me/tickets/$ticket" "$citizen" | grep -q 'robabilmente'; then die 'the citizen sees the note'; fi
say "the citizen sees nothing of it: $(call GET "/me/tickets/$ticket" "$citizen" | pick state_label)"
say 'TO4 tries to write:'
refused "$ticket" "$to4" '{"action": "note", "note": {"body": "Ancora io.", "published": false}}'

step 'The region reads note and history, and sends it to ASL CN1'
region=$(token regional-operator REG010)
call GET "/tickets/$ticket" "$region" | python3 -c 'import json, sys
for entry in reversed(json.load(sys.stdin)["timeline"]): print("   ", entry["seq"], entry["event"], "|", entry["body"] or "")'
act "$ticket" "$region" '{"action": "reroute", "authority_code": "010210", "note": {"body": "Referto di ortopedia: verificate voi.", "published": true}}'
refused "$ticket" "$region" '{"action": "close"}'

step 'CN1 resolves; the mail arrives'
cn1=$(token operator 010210)
act "$ticket" "$cn1" '{"action": "resolve", "resolution_code": "sending-error-fixed", "note": {"body": "Il documento è stato inviato nuovamente; ora può consultarlo.", "published": true}}'
mail "$address" 'inviato nuovamente' >/dev/null
say "the answer came by mail"
refused "$ticket" "$cn1" '{"action": "close"}'

step 'A late "grazie" within the window reopens it; CN1 resolves again'
call POST "/me/tickets/$ticket/messages" "$citizen" "$(json)" -d '{"body": "Grazie!"}' >/dev/null
say "stato: $(call GET "/me/tickets/$ticket" "$citizen" | pick state_label)"
act "$ticket" "$cn1" '{"action": "resolve", "resolution_code": "information-given", "note": {"body": "Grazie a lei.", "published": true}}'

step 'The demo clock passes the reply window: it closes by itself'
sportello demo clock --forward P8D
citizen=$(tracking)
for _ in $(seq 60); do
    state=$(call GET "/me/tickets/$ticket" "$citizen" | pick state)
    [ "$state" != auto-closed ] || break
    sleep 1
done
[ "$state" = auto-closed ] || die "still $state"
say "stato: $(call GET "/me/tickets/$ticket" "$citizen" | pick state_label)"
refused "$ticket" "$(token operator 010210)" '{"action": "close"}'

step 'The same citizen, logged in: sees it all on the web and gets no mail with the text'
identity=$(sportello demo citizen-token --tax-code RSSMRA80A01H501U --given-name Mario --family-name Rossi --email "mario.$RANDOM@example.org")
second=$(call POST /tickets "$identity" "$(json)" -d '{"service_code": "FSE", "problem_type": "errore-tecnico",
    "authority_code": "010204", "description": "La pagina dei referti mostra un errore.", "privacy_ack": true}' | pick id)
to4=$(token operator 010204)
act "$second" "$to4" '{"action": "ask-info", "note": {"body": "Con quale browser accade?", "published": true}}'
call GET /me/tickets "$identity" | python3 -c 'import json, sys
for one in json.load(sys.stdin)["items"][:3]: print("   ", one["number"], one["state_label"], "|", one["last_message"])'
printf '\nThat is the story.\n'
