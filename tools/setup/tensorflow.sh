#!/usr/bin/env bash
# Puts TensorFlow's two libraries (pinned, hash-checked) under .deps/tensorflow, where the programs in build/bin find them. Not part of plain
# setup, for it is large and only TensorFlow models need it. Idempotent.
set -euo pipefail
cd "$(dirname "$0")/../.."
deps="$PWD/.deps"
say() { printf 'tensorflow: %s\n' "$*"; }
die() { printf 'tensorflow: cannot continue: %s\n' "$*" >&2; exit 1; }

[ "$(uname -m)" = x86_64 ] || die "the pinned library is for x86_64; elsewhere set VIGIL_TENSORFLOW_DIR to a folder with libtensorflow_cc.so.2"
want="$(cat tools/setup/tensorflow.txt tools/setup/tensorflow.sh | sha256sum | cut -c1-16)"
if [ "$(cat "$deps/tensorflow.stamp" 2>/dev/null)" = "$want" ] && [ -f "$deps/tensorflow/libtensorflow_cc.so.2" ]; then
  say "ready"
  exit 0
fi
mkdir -p "$deps"
[ -x "$deps/venv/bin/pip" ] || python3 -m venv "$deps/venv" || die "python3 -m venv failed"
say "fetching TensorFlow 2.21.0 (274 MB)"
dl="$(mktemp -d "$deps/tensorflow.XXXXXX")"
trap 'rm -rf "$dl"' EXIT
"$deps/venv/bin/pip" download -q --disable-pip-version-check --no-deps --require-hashes --only-binary :all: --implementation cp \
  --python-version 3.11 --platform manylinux_2_27_x86_64 -r tools/setup/tensorflow.txt -d "$dl" || die "pip could not fetch tools/setup/tensorflow.txt"
mkdir "$dl/new"
unzip -q -j "$dl"/tensorflow_cpu-*.whl tensorflow/libtensorflow_cc.so.2 tensorflow/libtensorflow_framework.so.2 tensorflow/include/LICENSE \
  tensorflow/THIRD_PARTY_NOTICES.txt -d "$dl/new" || die "the wheel does not hold what is expected"
rm -rf "$deps/tensorflow"
mv "$dl/new" "$deps/tensorflow"
printf '%s' "$want" >"$deps/tensorflow.stamp"
say "ready: $deps/tensorflow"
