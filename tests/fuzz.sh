#!/usr/bin/env bash
# Runs every libFuzzer program (make fuzz builds them) for a while, one after another.   usage: tests/fuzz.sh [SECONDS [NAME...]]
#
# x_fuzz starts from tests/corpus/x and keeps what it finds in build-fuzz/corpus/x, so that a later run goes on from there. A model parser
# also starts from the folder of broken models in VIGIL_MODELS, when that is set. A crash leaves its input in build-fuzz/crashes and fails
# the run; give it back to the program as its one argument to see it again. To bring new inputs into the repository, the small ones only:
#   build-fuzz/bin/x_fuzz -merge=1 -max_len=2048 tests/corpus/x build-fuzz/corpus/x
set -uo pipefail
cd "$(dirname "$0")/.."
seconds="${1:-60}"
[[ "$seconds" =~ ^[0-9]+$ ]] || { echo "tests/fuzz.sh: '$seconds' is no number of seconds" >&2; exit 2; }
shift
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  for program in build-fuzz/bin/*_fuzz; do
    [ -x "$program" ] && names+=("$(basename "$program" _fuzz)")
  done
fi
[ ${#names[@]} -gt 0 ] || { echo "tests/fuzz.sh: no fuzz programs in build-fuzz/bin: run make fuzz" >&2; exit 2; }

passed=0 failed=0
mkdir -p build-fuzz/crashes
for name in "${names[@]}"; do
  found="build-fuzz/corpus/$name" log="build-fuzz/$name.log" seeds=()
  mkdir -p "$found"
  [ -d "tests/corpus/$name" ] && seeds+=("tests/corpus/$name")
  [[ "$name" =~ ^(xgboost|lightgbm|catboost) ]] && [ -d "${VIGIL_MODELS:-}" ] && seeds+=("$VIGIL_MODELS")
  if "build-fuzz/bin/${name}_fuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="build-fuzz/crashes/$name-" "$found" "${seeds[@]}" >"$log" 2>&1; then
    passed=$((passed + 1))
    printf 'ok      %s (%s runs, coverage %s)\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
      "$(grep -o 'cov: [0-9]*' "$log" | tail -1 | cut -d' ' -f2)"
  else
    failed=$((failed + 1))
    printf 'FAILED  %s; the log is %s\n' "$name" "$log"
    tail -40 "$log"
  fi
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
