# `make` alone lists the targets. Every target does its own set-up.
.DEFAULT_GOAL := help
.PHONY: help demo test package package-debian check-all bench bench-rebuild lint fuzz format web build clean feed-large repair-large crash-long power-long seal-long sim-night mutants replay-million spare-trials

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

demo: ## the bad night on this machine: trade, attack, seal, spare, rejoin, rebuild, handback (ONCE=1: end with exit 0 or 1)
	@tools/setup build web
	@node tools/run-stages.mjs demo
	@ONCE=$(ONCE) node demo/demo.mjs $(if $(filter 1,$(ONCE)),--once)

test: ## one build and every test, at most 35 minutes cold on 2 cores; prints the time of each stage
	@tools/setup build web test
	@node tools/run-stages.mjs test

check-all: ## test, then all unit tests under asan and tsan, then clang-tidy over everything
	@tools/setup build web test lint
	@node tools/run-stages.mjs check-all

package: ## build/package: one tarball that runs as it is unpacked, a .deb of the same files, checksums
	@tools/setup build web
	@node tools/run-stages.mjs package

package-debian: ## package, then both tried in an empty Debian 12 without network (root; fetches it with debootstrap)
	@tools/setup build web package
	@node tools/run-stages.mjs package-debian

mutants: ## each planted bug of docs/mutants.md, switched on until a simulated day finds it (SEEDS=500 at most)
	@tools/setup build test
	@SEEDS=$(SEEDS) node tools/run-stages.mjs mutants

replay-million: ## replay of 1,000,000 sales: the same state with and without snapshot, and after export and import
	@tools/setup
	@node tools/run-stages.mjs replay-million

repair-large: ## a 1 GB journal and a copy of it, 1 of 10,000 sectors spoilt: put back by mirrors; and without any (MB=1024; 6 GB of disk)
	@tools/setup build web test
	@HF_REPAIR_MB=$(or $(MB),1024) node tools/run-stages.mjs repair-large

seal-long: ## alert to seal in network namespaces, 20 trials; then 50 sites at once (SITES=50); needs root
	@tools/setup build web test
	@node tools/run-stages.mjs seal-long

crash-long: ## kill -9 a loaded store node 200 times at random moments (KILLS=200; 1,000 take a quarter of an hour, on a busy machine three)
	@tools/setup build web test
	@HF_KILLS=$(or $(KILLS),$(HF_KILLS)) node tools/run-stages.mjs crash-long

power-long: ## 1,000 power cuts below ext4, then below XFS (ROUNDS=25, CUTS=40 in each, FS=ext4,xfs; half an hour); needs root
	@tools/setup build web test
	@HF_ROUNDS=$(or $(ROUNDS),$(HF_ROUNDS)) HF_CUTS=$(or $(CUTS),$(HF_CUTS)) HF_FS=$(or $(FS),$(HF_FS)) node tools/run-stages.mjs power-long

sim-night: ## simulated days from new seeds, until stopped (or SEEDS=1000, SEED=drawn, NIGHT="--sites 5 --hours 2"); what breaks a law: build/sim-night
	@tools/setup build
	@SEED=$(SEED) SEEDS=$(SEEDS) NIGHT="$(NIGHT)" node tools/run-stages.mjs sim-night

spare-trials: ## 20 dead stores on their spares, an hour of both selling, 20 reopened with one list, a report 60 s behind (TRIALS=20, MINUTES=60, STORES=20)
	@tools/setup build web test
	@HF_TRIALS=$(or $(TRIALS),20) HF_MINUTES=$(or $(MINUTES),60) HF_STORES=$(or $(STORES),20) node tools/run-stages.mjs spare-trials

bench-rebuild: ## a lost store's sales brought back, beside pg_restore and WAL replay (HF_BENCH_SALES=10000000: half an hour, 40 GB)
	@tools/setup build bench
	@node bench/rebuild.mjs

bench: ## measured beside SQLite and PostgreSQL 15 on this machine
	@tools/setup build bench
	@bench/run

feed-large: ## a night of 100,000 products x 300 locations into real nodes, beside SQLite's .import (about 1.5 GB of disk)
	@tools/setup build web bench
	@node tools/run-stages.mjs build
	@node bench/feed.mjs

lint: ## clang-tidy over everything
	@tools/setup build lint
	@node tools/run-stages.mjs lint

fuzz: ## libFuzzer feeds hostile bytes to every decoder, EACH=60 seconds each, two at once
	@tools/setup build lint
	@EACH=$(or $(EACH),60) node tools/run-stages.mjs fuzz
	@grep -h '^fuzz: ' build/logs/fuzz-libfuzzer.log

format: ## put every source into the house format
	@tools/setup build test
	@tools/check-format --fix

build: ## the program alone: build/release/src/holdfast
	@tools/setup build web
	@node tools/run-stages.mjs build

web: ## the pages alone: web/dist
	@tools/setup web
	@node tools/run-stages.mjs web

clean: ## remove what was built (not the packages)
	rm -rf build web/dist web/node_modules test-results
