# Everything a developer or operator types. Each target works as the first command on a fresh Debian 12: what is
# missing is installed (deploy/deps.sh), what is not built is built.
#
#   make run      three nodes and HAProxy on this machine; also DETACH=1, FRESH=1, PLAIN=1 (deploy/local.sh)
#   make stop     end them                         make test     everything that must hold
#   make restart  drain and restart NODE=…         make bench    beside etcd, in one run
SHELL := /bin/bash
.DEFAULT_GOAL := build
JOBS ?= $(shell nproc)
SEEDS ?= 1..5000

# All of it is compiled three times faster so; who changes one file often will say UNITY=OFF.
UNITY ?= ON
CMAKE := cmake -G Ninja -Wno-dev -DPATRONUS_UNITY=$(UNITY)
UNIT := build-asan
MUTANTS := build-mutants
TSAN := build-tsan

.PHONY: sim-profile deps build build-nodes build-asan build-mutants build-tsan build-tsan-node test test-full bench bench-failover bench-tokens bench-probes bench-image bench-return bench-sites bench-figure16 testssl fuzz fuzz-tapes sim mutants run start stop restart format lint clean help

help:
	@sed -n '/^#/p' Makefile | sed 's/^# \{0,1\}//'

deps:
	@deploy/deps.sh build

build: deps
	@$(CMAKE) -S . -B build -DCMAKE_BUILD_TYPE=Release > build.log 2>&1 || { cat build.log; rm -f build.log; exit 1; }
	@rm -f build.log
	@cmake --build build -j $(JOBS)

# What end-to-end tests run. The simulator that they leave out is built once more, with the mutants, and the swarm takes that.
build-nodes: deps
	@$(CMAKE) -S . -B build -DCMAKE_BUILD_TYPE=Release > build.log 2>&1 || { cat build.log; rm -f build.log; exit 1; }
	@rm -f build.log
	@cmake --build build -j $(JOBS) --target patronusd patronusctl

# Unit tests run with the sanitizers, and with protections that can be taken out. Not optimised: to compile takes far longer
# than to run.
build-asan: deps
	@deploy/deps.sh test
	@$(CMAKE) -S . -B $(UNIT) -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS=-O0 -DPATRONUS_SANITIZE=address,undefined \
	  -DPATRONUS_MUTANTS=ON -DPATRONUS_TESTS=ON -DPATRONUS_PCH=ON > /dev/null
	@cmake --build $(UNIT) -j $(JOBS) --target unit_tests patronus-sim

# The simulator, and those of the tests that let a world's time pass for long: with the sanitizers that takes minutes.
build-mutants: deps
	@deploy/deps.sh test
	@$(CMAKE) -S . -B $(MUTANTS) -DCMAKE_BUILD_TYPE=Release -DPATRONUS_MUTANTS=ON -DPATRONUS_TESTS=ON -DPATRONUS_PCH=ON > /dev/null
	@cmake --build $(MUTANTS) -j $(JOBS) --target patronus-sim handover_world_test

# What has threads, under the thread sanitizer: the log writer, the image's and the database's writer, the artefacts' worker, the
# password workers; and for test-full the whole node.
build-tsan: deps
	@deploy/deps.sh test
	@$(CMAKE) -S . -B $(TSAN) -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS=-O1 -DPATRONUS_SANITIZE=thread -DPATRONUS_TESTS=ON -DPATRONUS_PCH=ON > /dev/null
	@cmake --build $(TSAN) -j $(JOBS) --target log_writer_test image_test database_writer_test artefact_files_test password_workers_test

build-tsan-node: build-tsan
	@cmake --build $(TSAN) -j $(JOBS) --target patronusd

# End-to-end tests mostly wait, so that one more than there are processors runs at a time.
test: build-nodes build-asan build-mutants build-tsan
	@$(CMAKE) -S tests/suite -B build/suite > /dev/null
	@cd build/suite && ctest -j $$(($(JOBS) + 1)) -LE full --output-on-failure --timeout 600

test-full: build-nodes build-asan build-mutants build-tsan-node
	@$(CMAKE) -S tests/suite -B build/suite > /dev/null
	@cd build/suite && ctest -j $(JOBS) --output-on-failure --timeout 3600

# Goes on where it was broken off; what fails is kept in build/failures.
sim: build-mutants
	@mkdir -p build/failures
	@$(MUTANTS)/patronus-sim --seeds $(SEEDS) --jobs $(JOBS) --keep-failures build/failures --resume build/seeds-$(SEEDS)

# Where the simulator's time goes. Options in PROFILE, such as PROFILE='--long --seeds 1..10'.
sim-profile: build-mutants
	@deploy/deps.sh profile
	@bench/sim_profile.py $(MUTANTS)/patronus-sim $(PROFILE)

# Takes each protection out in turn: how many seeds until the simulator notices.
mutants: build-mutants
	@python3 tests/mutants_test.py $(MUTANTS)/patronus-sim

bench:
	@deploy/deps.sh build bench
	@$(CMAKE) -S . -B build -DCMAKE_BUILD_TYPE=Release -DPATRONUS_BENCH=ON > /dev/null
	@cmake --build build -j $(JOBS)
	@build/core-bench --benchmark_min_time=0.2
	@bench/cluster.py

# How long nobody can write when the leader is killed, leaves or vanishes; exit code 3 if an aim is missed. Options
# (bench/failover.py --help) come in FAILOVER, such as FAILOVER='--kills 50 -o json'.
bench-failover: build
	@deploy/deps.sh failover
	@bench/failover.py $(FAILOVER)

# Checks of tokens per second beside nginx; options in TOKENS.
bench-tokens: build
	@deploy/deps.sh tokens
	@bench/tokens.py $(TOKENS)

# What probing 1,000 endpoints a second costs a node; options in PROBES.
bench-probes: build
	@bench/probes.py $(PROBES)

# Sites made, read and listed in pages, 10,000 of them; options in SITES.
bench-sites: build
	@deploy/deps.sh tokens
	@bench/sites.py $(SITES)

# How a node that was away comes back by the whole state, and what clients notice; options in RETURN.
bench-return:
	@deploy/deps.sh build bench
	@$(CMAKE) -S . -B build -DCMAKE_BUILD_TYPE=Release -DPATRONUS_BENCH=ON > /dev/null
	@cmake --build build -j $(JOBS) --target patronusd patronus-load
	@bench/return.py $(RETURN)

# Figure 16 of the Raft paper, in the simulator: the time without a leader after a crash. Options in FIGURE16, such as
# FIGURE16='--trials 100'; the drawing is build/figure16.svg.
bench-figure16:
	@deploy/deps.sh build bench
	@$(CMAKE) -S . -B build -DCMAKE_BUILD_TYPE=Release -DPATRONUS_BENCH=ON > /dev/null
	@cmake --build build -j $(JOBS) --target patronus-figure16
	@build/patronus-figure16 --jobs $(JOBS) --svg build/figure16.svg $(FIGURE16)

# What testssl.sh finds at a node and at HAProxy, of the cluster that runs or of one started for it; exit code 1 if
# anything is above LOW. Takes a few minutes.
testssl: build
	@deploy/deps.sh run testssl
	@tests/testssl.sh

# What a state of a million keys costs: checkpoints, the loop's longest pause meanwhile, a start from the image, and a restore
# of all of them into the running state; exit code 3 if an aim is missed.
bench-image:
	@deploy/deps.sh build bench
	@$(CMAKE) -S . -B build -DCMAKE_BUILD_TYPE=Release -DPATRONUS_BENCH=ON > /dev/null
	@cmake --build build -j $(JOBS) --target patronus-image patronus-restore
	@build/patronus-image
	@build/patronus-restore

# Each target for FUZZ_SECONDS, with the sanitizers; a finding ends it.
FUZZ_SECONDS ?= 60
fuzz:
	@deploy/deps.sh build fuzz
	@CC=clang-19 CXX=clang++-19 $(CMAKE) -S . -B build-fuzz -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS=-O1 -DPATRONUS_FUZZ=ON \
	  -DPATRONUS_SANITIZE=address,undefined > /dev/null
	@cmake --build build-fuzz -j $(JOBS) --target codec_fuzz wal_fuzz peer_fuzz http_fuzz json_fuzz jwt_fuzz cookies_fuzz artefact_fuzz probe_fuzz
	@set -e; for target in codec wal peer http json jwt cookies artefact probe; do mkdir -p build-fuzz/corpus/$$target; \
	  echo "== $$target, $(FUZZ_SECONDS) s"; \
	  build-fuzz/$${target}_fuzz -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
	    -artifact_prefix=build-fuzz/ build-fuzz/corpus/$$target 2> build-fuzz/$$target.log || { tail -40 build-fuzz/$$target.log; exit 1; }; \
	  grep -E 'number_of_executed_units|cov:' build-fuzz/$$target.log | tail -2; done

# Whole clusters under libFuzzer, whose inputs are the simulator's tapes: when it finds each of ten mutants, beside
# random seeds in the same time. Options (fuzz/tapes.py --help) come in TAPES, such as TAPES='--seconds 60'.
fuzz-tapes: build-mutants
	@deploy/deps.sh build fuzz
	@CC=clang-19 CXX=clang++-19 $(CMAKE) -S . -B build-fuzz-tapes -DCMAKE_BUILD_TYPE=Release -DPATRONUS_FUZZ=ON \
	  -DPATRONUS_MUTANTS=ON > /dev/null
	@cmake --build build-fuzz-tapes -j $(JOBS) --target tape_fuzz
	@fuzz/tapes.py build-fuzz-tapes/tape_fuzz $(MUTANTS)/patronus-sim $(TAPES)

run: build-nodes
	@deploy/deps.sh run
	@deploy/local.sh run

start:
	@deploy/local.sh start $(NODE)

stop:
	@deploy/local.sh stop

restart:
	@deploy/local.sh restart $(NODE)

format:
	@deploy/deps.sh lint
	@git ls-files '*.h' '*.cpp' | xargs clang-format-19 -i

# clang-tidy is told how clang would compile, by a build directory of its own that is only configured: what g++ needs
# besides, clang does not know.
LINT := build-lint
lint:
	@deploy/deps.sh build lint
	@CC=clang-19 CXX=clang++-19 $(CMAKE) -DPATRONUS_UNITY=OFF -S . -B $(LINT) -DCMAKE_BUILD_TYPE=Debug > /dev/null
	@git ls-files '*.h' '*.cpp' | xargs clang-format-19 --dry-run --Werror
	@git ls-files 'core/*.cpp' 'io/*.cpp' 'sim/*.cpp' | xargs -P $(JOBS) -n 4 clang-tidy-19 -p $(LINT) --quiet
	@shellcheck deploy/*.sh tests/*.sh .ci/run

clean:
	@deploy/local.sh stop > /dev/null 2>&1 || true
	@rm -rf build build-asan build-mutants build-tsan build-fuzz build-fuzz-tapes $(LINT) .run
