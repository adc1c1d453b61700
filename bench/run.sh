#!/usr/bin/env bash
# Every measurement, each printing ratios to a peer in the same run. Wants a quiet machine; says how busy it was.
#   usage: bench/run.sh [--full], or against peers that `make peers` installs: bench/run.sh grpc (grpc++), bench/run.sh makers (the makers' own
#   predictors and compilers), or bench/run.sh abuse: what an attack costs its victim's other clients
set -uo pipefail
cd "$(dirname "$0")/.."
printf 'load before: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
bench() { printf '\n== %s\n' "$*"; "build/bin/$@" || exit 1; }
if [ "${1:-}" = predict ]; then exec .deps/venv/bin/python bench/predict_bench.py "${@:2}"; fi  # 2.5 GB of files, some minutes
if [ "${1:-}" = grpc ]; then exec .deps/venv/bin/python bench/grpc_bench.py "${@:2}"; fi
if [ "${1:-}" = abuse ]; then exec .deps/venv/bin/python bench/abuse_bench.py "${@:2}"; fi      # two minutes
if [ "${1:-}" = makers ]; then
  [ -d .deps/peers ] || { echo "bench/run.sh makers: run \`make peers\` first" >&2; exit 1; }
  # Models are trained and compiled on the first run, in minutes.
  PYTHONPATH=.deps/peers .deps/venv/bin/python bench/makers/prepare.py build/makers_bench >build/makers_prepare.log 2>&1 \
    || { tail -5 build/makers_prepare.log >&2; exit 1; }
  bench makers_bench build/makers_bench .deps/venv/bin/python
  printf '\nload after: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
  exit 0
fi
bench engine_bench                                      # trains its model once, beside the program
bench onnx_bench
bench net_echo_bench
bench vigil bench serve build/bin/engine_bench_500x6x30.json
bench storage_bench "$@"                                # --full: label join against 10M predictions
bench monitoring_bench
bench swap_bench
printf '\nload after: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
