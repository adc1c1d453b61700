#!/usr/bin/env bash
# Every measurement, each printing ratios to a peer in the same run. Wants a quiet machine; says how busy it was.
set -uo pipefail
cd "$(dirname "$0")/.."
printf 'load before: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
for program in engine_bench net_echo_bench storage_bench monitoring_bench path_bench; do
  [ -x "build/bin/$program" ] || continue
  printf '\n== %s\n' "$program"
  "build/bin/$program" "$@" || exit 1
done
printf '\nload after: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
