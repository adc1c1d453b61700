# The daily vocabulary. Every target sets up what it needs first (idempotent; see tools/setup/setup.sh).
.PHONY: help setup tensorflow peers build build-all demo test test-fast bench conformance tidy golden format asan tsan clang fuzz clean
.DEFAULT_GOAL := help
JOBS ?= $(shell nproc)
GOLDEN ?=

help:          ## this list
	@grep -E '^[a-z -]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 18

setup:         ## packages and pinned native libraries
	@tools/setup/setup.sh build

tensorflow: setup  ## TensorFlow's library (274 MB), for serving SavedModels
	@tools/setup/tensorflow.sh

peers: setup   ## compilers of tree models (44 MB) and grpc++, to measure against: bench/run.sh makers, grpc
	@tools/setup/peers.sh

build: setup   ## build/bin/vigil, the page inside
	@tools/setup/build_page.sh
	@cmake --preset release >build.log 2>&1 || { cat build.log; exit 1; }
	@cmake --build build -j$(JOBS) --target vigil

build-all: build
	@cmake --build build -j$(JOBS)

demo: build    ## the whole life of a fraud model, in minutes, on your machine
	@build/bin/vigil demo $(DEMO_FLAGS)

test: build-all  ## every suite
	@tools/setup/setup.sh test
	@tests/run.sh all

test-fast: build-all  ## the fast suite, under a minute
	@tests/run.sh fast

bench: build-all  ## ratios against peers, side by side
	@bench/run.sh

conformance: build  ## other people's clients against the program: writes docs/conformance.md
	@tools/conformance/run.py

golden: build  ## the statistics against a folder shaped like fixtures/golden: make golden GOLDEN=DIR
	@cmake --build build -j$(JOBS) --target stats_test
	@VIGIL_GOLDEN="$(GOLDEN)" build/bin/stats_test --gtest_filter='Golden*'

tidy: build-all  ## formatting, house rules, layers, clang-tidy
	@python3 tools/check/layers.py
	@python3 tools/check/tidy.py
	@git ls-files 'src/*.cc' 'src/*.h' 'bench/*.cc' 'bench/*.h' | xargs clang-format --dry-run -Werror
	@git ls-files 'src/*.cc' | grep -v -E '_(test|fuzz|bench)\.cc$$' | xargs -P $(JOBS) -n 8 clang-tidy -p build --quiet

format:        ## clang-format in place
	@git ls-files 'src/*.cc' 'src/*.h' 'bench/*.cc' 'bench/*.h' | xargs clang-format -i

asan tsan clang: setup  ## the fast suite under sanitizers, or built by clang
	@cmake --preset $@ >build.log 2>&1 || { cat build.log; exit 1; }
	@cmake --build --preset $@ -j$(JOBS)
	@ctest --test-dir build-$@ -L fast --output-on-failure

fuzz: setup    ## libFuzzer programs in build-fuzz/bin
	@cmake --preset fuzz >build.log 2>&1 || { cat build.log; exit 1; }
	@cmake --build --preset fuzz -j$(JOBS)

clean:         ## build trees; .deps stays
	@rm -rf build build-* build.log
