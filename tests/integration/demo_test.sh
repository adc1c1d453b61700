#!/usr/bin/env bash
# The demo's whole story from the built program, then its page in a real browser against that running server.
set -euo pipefail
cd "$(dirname "$0")/../.."
work="$(mktemp -d)"
build/bin/vigil demo --json --keep --state-dir "$work/state" --report "$work/report.html" >"$work/out.json" 2>"$work/story.log" &
demo=$!
trap 'kill "$demo" 2>/dev/null || true; wait "$demo" 2>/dev/null || true; rm -rf "$work"' EXIT

for _ in $(seq 1 600); do
  [ -s "$work/out.json" ] && break
  kill -0 "$demo" 2>/dev/null || { cat "$work/story.log"; echo "the demo ended early"; exit 1; }
  sleep 1
done
python3 - "$work/out.json" "$work/report.html" <<'P'
import json, sys
result = json.loads(open(sys.argv[1]).read().strip().splitlines()[-1])
print(json.dumps(result))
ap = result["average_precision"]
assert result["rows"] > 500_000, "a season of payments was served"
assert result["drift_detected_at"] > result["changed_at"], "the change was noticed after it came"
assert result["alerts"] >= 1 and result["trainings"] >= 1
assert "2" in result["promoted_versions"], "the retrained version took over"
assert ap["during"] < ap["before"] - 0.1, "the change hurts"
assert ap["after"] > ap["during"] + 0.2 and ap["after"] > ap["static"] + 0.2, "the new version recovers what a static model does not"
report = open(sys.argv[2]).read()
assert "<svg" in report and "<script" not in report
P
grep -q 'alert: ' "$work/story.log"
[ "$(grep -c '2018-0[56].* alert: ' "$work/story.log")" = 0 ] || { echo "an alert before the change"; exit 1; }
url="$(grep -oE 'http://127.0.0.1:[0-9]+' "$work/story.log" | head -1)"
if command -v chromium >/dev/null && [ -d ui/node_modules/playwright-core ]; then
  .deps/node/bin/node tests/integration/page_test.mjs "$url" --require all --change --screenshot "$work/page.png"
else
  echo "skipped: the page's browser test (chromium or playwright-core is absent)"
fi
