#!/usr/bin/env bash
# Puts what `bench/run.sh makers` compares with (pinned, hash-checked) under .deps/peers; the makers' own libraries are the tests' (setup.sh test).
# What `bench/run.sh grpc` compares with comes from Debian.
# Not part of plain setup, for only that measurement needs it. Idempotent.
set -euo pipefail
cd "$(dirname "$0")/../.."
deps="$PWD/.deps"
say() { printf 'peers: %s\n' "$*"; }
die() { printf 'peers: cannot continue: %s\n' "$*" >&2; exit 1; }

tools/setup/setup.sh test
for package in libgrpc++-dev libprotobuf-dev protobuf-compiler-grpc; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' && continue
  say "installing Debian's $package"
  root=(); [ "$(id -u)" = 0 ] || root=(sudo)
  DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq --no-install-recommends "$package" >"$deps/apt.log" 2>&1 \
    || die "apt-get install $package failed (log: .deps/apt.log)"
done
want="$(cat tools/setup/peers.txt tools/setup/peers.sh | sha256sum | cut -c1-16)"
if [ "$(cat "$deps/peers.stamp" 2>/dev/null)" = "$want" ] && [ -d "$deps/peers" ]; then
  say "ready"
  exit 0
fi
say "fetching treelite, tl2cgen, lleaves and LLVM (44 MB)"
new="$(mktemp -d "$deps/peers.XXXXXX")"
trap 'rm -rf "$new"' EXIT
"$deps/venv/bin/pip" install -q --disable-pip-version-check --no-deps --require-hashes --only-binary :all: --target "$new" \
  -r tools/setup/peers.txt || die "pip could not fetch tools/setup/peers.txt"
rm -rf "$deps/peers"
mv "$new" "$deps/peers"
chmod 755 "$deps/peers"
printf '%s' "$want" >"$deps/peers.stamp"
say "ready: $deps/peers"
