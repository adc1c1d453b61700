#!/usr/bin/env bash
# The page in headless Chromium against its mock server. Against a running server: node tests/integration/page_test.mjs URL
set -euo pipefail
cd "$(dirname "$0")/../.."
[ ! -d "$PWD/.deps/node/bin" ] || PATH="$PWD/.deps/node/bin:$PATH"
command -v node >/dev/null || { echo "page_test: skipped, node is not installed (tools/setup/setup.sh)"; exit 0; }
[ -x "${CHROMIUM:=/usr/bin/chromium}" ] || { echo "page_test: skipped, no browser at $CHROMIUM"; exit 0; }
export CHROMIUM
tools/setup/build_page.sh
exec timeout 300 node tests/integration/page_test.mjs --require all
