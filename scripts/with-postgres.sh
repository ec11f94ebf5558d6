#!/usr/bin/env bash
# Runs a command beside a PostgreSQL server made for it alone.
#
#   scripts/with-postgres.sh COMMAND [ARGUMENT…]
#
# The command's role may create databases and roles and is no superuser: it is
# held by row-level security, as the application's should be.
#
# The cluster lives in a temporary folder, listens on a free loopback port, and
# is stopped and removed when the command ends, however it ends.  The command
# finds it by TEST_DATABASE_URL, by TEST_DATABASE_DUMP the command that dumps a
# database of it whole, and by TEST_DATABASE_PSQL one that reaches it past
# row-level security; the name of a database follows either.  It runs without
# standard input, and its exit code is the exit code of this script.
#
# With DURABLE=yes the server flushes as it would in earnest, for measuring, and
# has the settings of MEASURED below.
#
# If NEVER_STORED names a file, no line of it may ever be on the server's disk:
# each segment of the write-ahead log is searched when it is full, and all other
# files when the command has ended.  What is found makes the exit code 1.
#
# With WITH_REPLICA=1 a streaming replica stands beside it, which the command finds
# by TEST_REPLICA_URL.
#
# Not for production: flushes are off, and everybody on this machine is trusted.
set -euo pipefail

say() { printf 'with-postgres: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

[ "$#" -gt 0 ] || die 'usage: scripts/with-postgres.sh COMMAND [ARGUMENT…]'

# --- the server's programs ---------------------------------------------------

# Prints the folder that holds initdb and postgres, the newest version first.
find_binaries() {
    local folder found
    found=$(command -v initdb || true)
    if [ -n "$found" ]; then
        # A distribution may link initdb alone into PATH: follow the link.
        folder=$(dirname "$(readlink -f "$found" 2>/dev/null || printf '%s' "$found")")
        if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then
            printf '%s\n' "$folder"
            return 0
        fi
    fi
    while IFS= read -r folder; do
        if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then
            printf '%s\n' "$folder"
            return 0
        fi
    done < <(
        for folder in \
            /usr/lib/postgresql/*/bin \
            /usr/pgsql-*/bin \
            /opt/homebrew/opt/postgresql*/bin \
            /usr/local/opt/postgresql*/bin \
            /home/linuxbrew/.linuxbrew/opt/postgresql*/bin; do
            printf '%s\n' "$folder"
        done | sort -rV
    )
    return 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Installs the distribution's own package.  The package would also make and
# start a cluster of its own: a snippet, taken away afterwards, says not to.
install_binaries() {
    command -v apt-get >/dev/null \
        || die 'no PostgreSQL server programs (initdb, postgres) found; install them with your package manager and try again'
    if [ "$(id -u)" -ne 0 ] && ! { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }; then
        die "no PostgreSQL server programs found, and no right to install them; run as root: apt-get install postgresql"
    fi
    say 'no PostgreSQL server programs found, installing the package postgresql'
    local snippet=/etc/postgresql-common/createcluster.d/no-main-cluster-for-tests.conf
    as_root apt-get update -q >&2 </dev/null || say 'apt-get update failed, going on with the lists at hand'
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -q --no-install-recommends postgresql-common >&2 </dev/null \
        || die 'apt-get could not install postgresql-common'
    if grep -q createcluster.d /etc/postgresql-common/createcluster.conf 2>/dev/null; then
        as_root mkdir -p -m 755 "${snippet%/*}"
        printf 'create_main_cluster = false\n' | as_root tee "$snippet" >/dev/null
        # Readable for all, whatever the umask: another user's apt run may read it.
        as_root chmod 644 "$snippet"
    fi
    local failed=0
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -q --no-install-recommends postgresql >&2 </dev/null || failed=1
    as_root rm -f "$snippet"
    [ "$failed" -eq 0 ] || die 'apt-get could not install postgresql'
}

if ! binaries=$(find_binaries); then
    install_binaries
    binaries=$(find_binaries) || die 'PostgreSQL was installed, but initdb and postgres are still not to be found'
fi

# --- who runs the server -----------------------------------------------------

# The server refuses to run as root, so root hands the folder to another user.
owner=
if [ "$(id -u)" -eq 0 ]; then
    for candidate in postgres nobody; do
        if id -u "$candidate" >/dev/null 2>&1; then
            owner=$candidate
            break
        fi
    done
    [ -n "$owner" ] || die 'running as root, and there is neither a user postgres nor a user nobody to run the server'
fi

as_owner() {
    if [ -z "$owner" ]; then
        "$@"
    elif command -v runuser >/dev/null; then
        runuser -u "$owner" -- "$@"
    elif command -v setpriv >/dev/null; then
        setpriv --reuid "$owner" --regid "$(id -g "$owner")" --clear-groups -- "$@"
    else
        su -s /bin/sh "$owner" -c "$(printf '%q ' "$@")"
    fi
}

# --- start, run, stop --------------------------------------------------------

home=$PWD
folder=
child=

new_folder() {
    folder=$(mktemp -d "$1/sportello-pg.XXXXXX")
    [ -z "$owner" ] || chown "$owner" "$folder"
    chmod 700 "$folder"
    as_owner test -w "$folder" 2>/dev/null
}

# Stops only servers whose pid stands in our own folder.
# shellcheck disable=SC2317 # called by the traps
stop_server() {
    local pid tries
    pid=$(head -n 1 "$1/postmaster.pid" 2>/dev/null || true)
    if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then
        kill -INT "$pid" 2>/dev/null || true
        for tries in $(seq 1 100); do
            kill -0 "$pid" 2>/dev/null || break
            [ "$tries" -ne 80 ] || kill -QUIT "$pid" 2>/dev/null || true
            sleep 0.1
        done
    fi
}

# shellcheck disable=SC2317 # called by the traps
stop() {
    local tries
    trap - EXIT INT TERM HUP
    if [ -n "$child" ] && kill -0 "$child" 2>/dev/null; then
        kill -TERM -- "-$child" 2>/dev/null || true
        for tries in $(seq 1 100); do
            kill -0 "$child" 2>/dev/null || break
            [ "$tries" -ne 80 ] || kill -KILL -- "-$child" 2>/dev/null || true
            sleep 0.1
        done
    fi
    if [ -n "$folder" ]; then
        stop_server "$folder/replica"
        stop_server "$folder/data"
        cd /
        rm -rf -- "$folder"
    fi
}

# Takes the place of an archive for the write-ahead log.
prepare_search() {
    mkdir "$folder/search"
    grep . "$1" >"$folder/search/values"
    cat >"$folder/search/segment" <<'SEARCH'
#!/bin/sh
cd "$(dirname "$0")" || exit 1
if LC_ALL=C grep -qaiFf values "$1"; then echo "${1##*/} of the write-ahead log" >>found; fi
echo "${1##*/}" >>searched
SEARCH
    chmod 755 "$folder/search/segment"
    [ -z "$owner" ] || chown -R "$owner" "$folder/search"
}

# Fails, and says where, if a value is on the server's disk or was in its log.  A
# search that never finds anything would be of no use: it must find what initdb wrote.
search() {
    local found
    cd "$folder/data"
    LC_ALL=C grep -rqaF pg_catalog base || die 'the search of the data folder finds nothing at all'
    found=$(LC_ALL=C grep -rlaiFf "$folder/search/values" . || true)
    cd "$home"
    say "searched $(grep -c . "$folder/search/searched" 2>/dev/null || true) full segments of the log and the data folder"
    [ ! -e "$folder/search/found" ] || found="$found $(cat "$folder/search/found")"
    [ -z "$found" ] || die "a value of $NEVER_STORED is on the server's disk: $found"
}

trap stop EXIT
trap 'stop; exit 129' HUP
trap 'stop; exit 130' INT
trap 'stop; exit 143' TERM

if ! new_folder "${TMPDIR:-/tmp}"; then
    rm -rf -- "$folder"
    new_folder /tmp || die "user ${owner:-$(id -un)} cannot write to a temporary folder"
fi
# From here on in the folder: the server's user may not be able to read ours.
cd "$folder"

if ! as_owner env LC_ALL=C "$binaries/initdb" --pgdata="$folder/data" --username=postgres \
    --auth=trust --encoding=UTF8 --locale=C --no-sync >"$folder/initdb.log" 2>&1 </dev/null; then
    cat "$folder/initdb.log" >&2
    die 'initdb failed'
fi

# A plain role, because a superuser would pass by row-level security.
if ! as_owner env LC_ALL=C "$binaries/postgres" --single -D "$folder/data" -c fsync=off postgres \
    >"$folder/role.log" 2>&1 <<<'CREATE ROLE sportello LOGIN CREATEDB CREATEROLE NOSUPERUSER NOBYPASSRLS'; then
    cat "$folder/role.log" >&2
    die 'the role of the tests could not be created'
fi

archive=(-c archive_mode=off)
if [ -n "${NEVER_STORED:-}" ]; then
    (cd "$home" && prepare_search "$NEVER_STORED") || die "$NEVER_STORED cannot be read"
    archive=(-c archive_mode=on -c "archive_command='$folder/search/segment $folder/data/%p'")
fi

# As an installation of this size would have them; everything else as PostgreSQL comes.
MEASURED='-c shared_buffers=1GB -c max_wal_size=8GB -c checkpoint_timeout=15min'
flushing='-c fsync=off -c synchronous_commit=off -c full_page_writes=off'
[ "${DURABLE:-}" != yes ] || flushing=$MEASURED

# start_on FOLDER PORT: a server on its files.
start_on() {
    as_owner env LC_ALL=C "$binaries/pg_ctl" start --silent --wait --timeout=60 \
        --pgdata="$1" --log="$1/server.log" \
        --options="-c listen_addresses=127.0.0.1 -c port=$2 -c unix_socket_directories= $flushing -c max_connections=200 ${archive[*]}" \
        >"$folder/start.log" 2>&1 </dev/null
}

# Starts a server on a free port, and sets `port`.
start_somewhere() {
    local candidate
    port=
    for _ in 1 2 3 4 5 6 7 8; do
        candidate=$((20000 + RANDOM % 12000))
        # Somebody answers there already: next.
        if (exec 3<>"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null; then continue; fi
        if start_on "$1" "$candidate"; then
            port=$candidate
            break
        fi
    done
    if [ -z "$port" ]; then
        cat "$folder/start.log" "$1/server.log" >&2 2>/dev/null || true
        die 'the server did not start'
    fi
}

if [ -n "${WITH_REPLICA:-}" ]; then
    start_somewhere "$folder/data"
    primary=$port
    if ! as_owner env LC_ALL=C "$binaries/pg_basebackup" --pgdata="$folder/replica" --write-recovery-conf \
        --host=127.0.0.1 --port="$primary" --username=postgres --checkpoint=fast --no-sync \
        >"$folder/replica.log" 2>&1 </dev/null; then
        cat "$folder/replica.log" >&2
        die 'the replica could not be made'
    fi
    start_somewhere "$folder/replica"
    export TEST_REPLICA_URL="postgres://sportello@127.0.0.1:$port/postgres"
    port=$primary
else
    start_somewhere "$folder/data"
fi

export TEST_DATABASE_URL="postgres://sportello@127.0.0.1:$port/postgres"
export TEST_DATABASE_DUMP="$binaries/pg_dump --host=127.0.0.1 --port=$port --username=postgres"
export TEST_DATABASE_PSQL="$binaries/psql --host=127.0.0.1 --port=$port --username=postgres"
cd "$home"

# A process group of its own, so that stopping us stops all the command started.
code=0
set -m
"$@" </dev/null &
child=$!
set +m
wait "$child" || code=$?
child=
[ -z "${NEVER_STORED:-}" ] || search
exit "$code"
