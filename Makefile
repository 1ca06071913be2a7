# The verbs of this repository. One profile serves build, test and demo, so that nothing is compiled twice.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help demo cluster chaos build test lint fmt bench

PROGRAMS := campaigns twin loadtest
# Rust of the PATH, and else the one that `scripts/deps` installs.
HOME ?= $(shell getent passwd $$(id -u) | cut -d: -f6)
export HOME
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin
# Bars are judged by what is shipped (docs/adr/0003); PROFILE=dev measures what is built for everything else.
PROFILE ?= release

help: ## Print this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/\1\t\2/' | while IFS=$$'\t' read -r verb words; do
		printf '  make %-7s %s\n' "$$verb" "$$words"
	done

demo: build ## Build, then carry a campaign through 40 repositories of a small GitHub on this machine
	@bin/campaigns demo

cluster: build ## The same with three servers that share the work, which stay up to be killed and drained
	@scripts/deps cluster
	@bin/campaigns demo --replicas 3 --repos 120

chaos: build ## Ten minutes in which three servers, their database, Redis, network and code host fail all the while
	@scripts/deps cluster
	@RUST_LOG=error bin/loadtest run chaos --seed $${SEED:-$$RANDOM}

build: ## Install what is missing and leave bin/campaigns, bin/twin and bin/loadtest
	@scripts/deps demo
	cargo build --workspace --locked
	mkdir -p bin
	target=$${CARGO_TARGET_DIR:-target}
	for program in $(PROGRAMS); do
		ln -sf "$$(realpath "$$target/debug/$$program")" "bin/$$program"
	done

test: ## Run every test; needs nothing that scripts/deps does not install
	@scripts/deps test
	# All of it even where some fail: one run tells everything that is wrong.
	cargo test --workspace --locked --no-fail-fast

lint: ## Formatting, clippy, the import rule and the licences, shell scripts
	@cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo test --workspace --locked --test house
	if command -v shellcheck >/dev/null; then
		shellcheck scripts/deps .ci/run
	else
		echo 'lint: shellcheck is not installed; shell scripts were not checked'
	fi

fmt: ## Format every Rust file
	@cargo fmt --all

bench: ## Measure: small operations, ratios to PostgreSQL and sockets, the scenarios of bin/loadtest
	@$(MAKE) --no-print-directory build
	cargo bench -p campaigns-benches --bench micro --profile $(PROFILE) --locked
	# A figure that misses its bar is an exit code of 3; the others are measured all the same.
	missed=0
	cargo run -p campaigns-benches --bin ratios --profile $(PROFILE) --locked -- -o json || missed=$$?
	bin/loadtest run executor -o json || missed=$$?
	exit $$missed
