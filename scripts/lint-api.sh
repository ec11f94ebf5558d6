#!/usr/bin/env bash
# Lints the API description and fails on any error or warning.
#
#   scripts/lint-api.sh                 lints api-spec/openapi.yaml
#   SPEC=FILE scripts/lint-api.sh       lints another description
#
# Rules: api-spec/rules.yml, and the national rule files when a checkout has
# them in ../shared/oas-rules beside this project.
# The linter is installed once into .cache/spectral; after that no network is used.
set -euo pipefail
cd "$(dirname "$0")/.."

version=6.16.3
cache=$PWD/.cache/spectral
spec=${SPEC:-api-spec/openapi.yaml}
national=../shared/oas-rules

say() { printf 'lint-api: %s\n' "$*"; }
die() { say "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

need_npm() {
    if command -v npm >/dev/null && command -v node >/dev/null; then return 0; fi
    command -v apt-get >/dev/null \
        || die 'npm is missing; install Node.js (18 or newer) with npm and try again'
    if [ "$(id -u)" -ne 0 ] && ! { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }; then
        die 'npm is missing, and no right to install it; run as root: apt-get install nodejs npm'
    fi
    say 'npm is missing, installing the packages nodejs and npm'
    as_root apt-get update -q >&2 </dev/null || say 'apt-get update failed, going on with the lists at hand'
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -q --no-install-recommends nodejs npm >&2 </dev/null \
        || die 'apt-get could not install nodejs and npm'
}

need_spectral() {
    local package=$cache/node_modules/@stoplight/spectral-cli/package.json
    need_npm
    if [ -f "$package" ] && grep -q "\"version\": \"$version\"" "$package"; then return 0; fi
    say "installing the linter, version $version, into .cache/spectral"
    rm -rf -- "$cache"
    mkdir -p -- "$cache"
    printf '{"private": true}\n' >"$cache/package.json"
    # No install scripts: the linter needs none, and one of them reports usage.
    if ! npm install --prefix "$cache" --ignore-scripts --no-audit --no-fund --no-package-lock \
        "@stoplight/spectral-cli@$version" </dev/null >"$cache/install.log" 2>&1; then
        cat "$cache/install.log" >&2
        die 'npm could not install the linter'
    fi
}

[ -f "$spec" ] || die "$spec does not exist; write it with: make spec"
need_spectral

failed=0
lint() {
    say "$spec against $1"
    "$cache/node_modules/.bin/spectral" lint --fail-severity=warn --ruleset "$1" "$spec" </dev/null || failed=1
}

lint api-spec/rules.yml
if [ -d "$national" ]; then
    for rules in italian-guidelines-full italian-extra-security-yaml-only local-rules; do
        [ -f "$national/$rules.yml" ] || die "$national/$rules.yml is missing"
        lint "$national/$rules.yml"
    done
else
    say 'the national rule files are not beside this checkout, only our own rules were applied'
fi

[ "$failed" -eq 0 ] || die "$spec has findings, see above"
say 'clean'
