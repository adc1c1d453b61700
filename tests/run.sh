#!/usr/bin/env bash
# Runs the suites and ends with one line: N passed, N failed.   usage: tests/run.sh fast|all
set -uo pipefail
cd "$(dirname "$0")/.."
level="${1:-fast}"
passed=0 failed=0
export VIGIL_SOURCE_DIR="$PWD"

step() {  # step NAME COMMAND...
  local name="$1" start=$SECONDS; shift
  if "$@"; then passed=$((passed + 1)); printf 'ok      %s (%d s)\n' "$name" $((SECONDS - start))
  else failed=$((failed + 1)); printf 'FAILED  %s (%d s)\n' "$name" $((SECONDS - start)); fi
}

step layers python3 tools/check/layers.py
step tidy python3 tools/check/tidy.py
step format bash -c "git ls-files 'src/*.cc' 'src/*.h' 'bench/*.cc' 'bench/*.h' | xargs clang-format --dry-run -Werror"
step unit ctest --test-dir build -L fast --output-on-failure -j2
if [ "$level" = all ]; then
  step unit-slow ctest --test-dir build -L slow --output-on-failure
  for suite in tests/integration/*_test.sh; do
    [ -e "$suite" ] && step "$(basename "$suite" .sh)" bash "$suite"
  done
  if ls tests/integration/test_*.py >/dev/null 2>&1; then
    step integration .deps/venv/bin/python -m pytest -q -rs tests/integration
  fi
fi
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
