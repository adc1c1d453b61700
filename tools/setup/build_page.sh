#!/usr/bin/env bash
# Builds the page (ui/ → ui/dist), which the configure step then embeds. Idempotent: skipped while the sources are those of the last build.
# Without Node the program is built without its page; one line says so and /ui answers 404 with the reason.
set -euo pipefail
cd "$(dirname "$0")/../.."
say() { printf 'page: %s\n' "$*"; }

[ ! -d "$PWD/.deps/node/bin" ] || PATH="$PWD/.deps/node/bin:$PATH"
command -v node >/dev/null || { say "node not found (tools/setup/setup.sh fetches it): building without the page"; exit 0; }

# Only what the build reads; dist/ and node_modules/ are its own.
hash="$(cd ui && find src public index.html package.json package-lock.json tsconfig.json vite.config.ts -type f -print0 | LC_ALL=C sort -z \
  | xargs -0 sha256sum | sha256sum | cut -c1-16)"
stamp=ui/node_modules/.page.stamp
[ -f ui/dist/index.html ] && [ "$(cat "$stamp" 2>/dev/null)" = "$hash" ] && exit 0

if [ ! -x ui/node_modules/.bin/vite ] || [ ! ui/node_modules/.package-lock.json -nt ui/package-lock.json ]; then
  say "installing its build tools (npm ci)"
  (cd ui && npm ci --silent --no-audit --no-fund) || { say "npm ci failed in ui/" >&2; exit 1; }
fi
say "building"
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
(cd ui && npm run --silent build) >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
printf '%s' "$hash" >"$stamp"
