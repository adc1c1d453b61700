#!/usr/bin/env bash
# Builds the page (ui/ → ui/dist) and GraphiQL (ui/graphiql → ui/graphiql/dist), which the configure step then embeds. Idempotent: each is
# skipped while its sources are those of the last build. Without Node the program is built without them; one line says so, and /ui and
# /graphql in a browser answer 404 with the reason.
set -euo pipefail
cd "$(dirname "$0")/../.."
say() { printf 'page: %s\n' "$*"; }

[ ! -d "$PWD/.deps/node/bin" ] || PATH="$PWD/.deps/node/bin:$PATH"
command -v node >/dev/null || { say "node not found (tools/setup/setup.sh fetches it): building without the page"; exit 0; }

build() {  # build FOLDER SOURCE...: only what the build reads; dist/ and node_modules/ are its own
  local folder="$1" hash stamp="$1/node_modules/.page.stamp" log; shift
  hash="$(cd "$folder" && find "$@" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)"
  [ -f "$folder/dist/index.html" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$hash" ] && return 0
  if [ ! -x "$folder/node_modules/.bin/vite" ] || [ ! "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ]; then
    say "installing the build tools of $folder (npm ci)"
    (cd "$folder" && npm ci --silent --no-audit --no-fund) || { say "npm ci failed in $folder" >&2; return 1; }
  fi
  say "building $folder"
  log="$(mktemp)"
  (cd "$folder" && npm run --silent build) >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; return 1; }
  rm -f "$log"
  printf '%s' "$hash" >"$stamp"
}

build ui src public index.html package.json package-lock.json tsconfig.json vite.config.ts
build ui/graphiql src index.html package.json package-lock.json vite.config.js
