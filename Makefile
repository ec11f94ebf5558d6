# The commands of the house. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

URL ?= http://127.0.0.1:8080
SPEC_FILE := api-spec/openapi.yaml

# $(call need,PROGRAM,WHERE IT COMES FROM): stops with a sentence, not with "command not found".
need = command -v $(1) >/dev/null || { echo "make: $(1) is missing; $(2)" >&2; exit 1; }
cargo = $(call need,cargo,install the Rust toolchain with rustup or your package manager)

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## build and start a demo on http://127.0.0.1:8080, data in ./data
	@$(cargo)
	cargo run --bin sportello -- serve --demo

.PHONY: demo
demo: ## walk through a running demo with curl (URL=… for another address)
	@$(call need,curl,install it with your package manager)
	@$(call need,python3,install it with your package manager)
	@URL="$(URL)" scripts/demo.sh

.PHONY: test
test: ## run all tests, on SQLite and on a throw-away PostgreSQL
	@$(cargo)
	@scripts/test.sh

.PHONY: bench
bench: ## measure the program beside its databases (N=1000000 …, see docs/performance.md)
	@$(cargo)
	@N="$(or $(N),10000)" scripts/bench.sh

.PHONY: bench-mail
bench-mail: ## measure what a mail server that hangs costs the API
	@$(cargo)
	@$(call need,curl,install it with your package manager)
	@$(call need,python3,install it with your package manager)
	@scripts/bench-mail-outage.sh

.PHONY: check
check: fmt-check clippy test spec-check lint-api docs ## everything that has to hold before handing in

.PHONY: fmt
fmt: ## format the code
	@$(cargo)
	cargo fmt --all

.PHONY: fmt-check
fmt-check: ## fail if the code is not formatted
	@$(cargo)
	cargo fmt --all --check

.PHONY: clippy
clippy: ## lint the code, warnings are errors
	@$(cargo)
	cargo clippy --workspace --all-targets -- -D warnings

.PHONY: docs
docs: ## build the code documentation, warnings are errors
	@$(cargo)
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet

.PHONY: spec
spec: ## write api-spec/openapi.yaml from the code
	@$(cargo)
	@mkdir -p $(dir $(SPEC_FILE))
	@new=$$(mktemp); trap 'rm -f "$$new"' EXIT; \
	cargo run -q --bin sportello -- openapi > "$$new" && \
	cat "$$new" > $(SPEC_FILE) && \
	echo "wrote $(SPEC_FILE)"

.PHONY: spec-check
spec-check: ## fail if api-spec/openapi.yaml is not what the code says
	@$(cargo)
	@[ -f $(SPEC_FILE) ] || { echo "make: $(SPEC_FILE) does not exist; write it with: make spec" >&2; exit 1; }
	@new=$$(mktemp); trap 'rm -f "$$new"' EXIT; \
	cargo run -q --bin sportello -- openapi > "$$new" || exit 1; \
	diff -u $(SPEC_FILE) "$$new" || { echo "make: $(SPEC_FILE) is behind the code; write it anew with: make spec" >&2; exit 1; }

.PHONY: lint-api
lint-api: ## lint the API description (SPEC=… for another file)
	@SPEC="$${SPEC:-}" scripts/lint-api.sh

.PHONY: clean-data
clean-data: ## throw the demo's data away
	rm -rf ./data
