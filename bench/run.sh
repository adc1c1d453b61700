#!/usr/bin/env bash
# Every measurement, each printing ratios to a peer in the same run. Wants a quiet machine; says how busy it was.
set -uo pipefail
cd "$(dirname "$0")/.."
printf 'load before: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
bench() { printf '\n== %s\n' "$*"; "build/bin/$@" || exit 1; }
if [ "${1:-}" = predict ]; then exec .deps/venv/bin/python bench/predict_bench.py "${@:2}"; fi  # 2.5 GB of files, some minutes
bench engine_bench                                      # trains its model once, beside the program
bench onnx_bench
bench net_echo_bench
bench vigil bench serve build/bin/engine_bench_500x6x30.json
bench storage_bench "$@"                                # --full: label join against 10M predictions
bench monitoring_bench
bench swap_bench
printf '\nload after: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
