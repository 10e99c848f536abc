# It takes Rust and a C compiler, which is the linker on most systems; cargo-nextest is used for the tests where it is installed.
# On a machine without `make`, the recipes are one line each.
.PHONY: help run test browser fuzz loom stress crash chaos bench compare lint ci

help: ## this list
	@sed -n 's/^\([a-z]*\): ## /  make \1\t/p' Makefile | expand -t 18

run: ## replay a built-in day of arrivals through the runtime, about 12 seconds
	cargo run --release -p heijunka-cli -- replay

test: ## unit, property, black-box and documentation tests, with real brokers and tools (which it installs)
	ci/brokers
	ci/tools
	if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --workspace -E 'not binary(brokers)' \
		&& cargo nextest run --workspace -E 'binary(brokers)' --test-threads 4; \
		else cargo test --workspace --lib --bins --tests; fi
	cargo test --workspace --doc

browser: ## the dashboard in headless Chromium (which it installs); takes Node
	ci/browser

fuzz: ## requests as they come from a connection, for ten minutes; takes cargo-fuzz and a nightly compiler
	cd fuzz && cargo +nightly fuzz run requests -- -max_total_time=600 -max_len=4096

loom: ## the models under loom, and the weakened twins they must catch
	loom-tests/run.sh

stress: ## a thousand million admission attempts, counting over-admissions
	HEIJUNKA_STRESS_ATTEMPTS=1000000000 cargo test --release -p heijunka --test stress -- --nocapture

crash: ## a process that publishes and consumes, killed two hundred times
	HEIJUNKA_CRASHES=100 cargo test -p heijunka --test crash a_process -- --nocapture --test-threads=1

chaos: ## real brokers that are killed, stopped and cut off under 10 000 items each, and garbage: some twenty minutes
	ci/brokers
	HEIJUNKA_CHAOS_ITEMS=10000 HEIJUNKA_GARBAGE_ROUNDS=10000 cargo test -p heijunka --features nats,amqp --test brokers -- --nocapture --test-threads=2 chaos:: garbage::

bench: ## the criterion suites
	cargo bench -p heijunka

compare: ## side by side with the floor and with other crates
	cargo bench --bench compare

lint: ## formatting, clippy and documentation, every warning an error
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

ci: ## what must pass before anything lands
	.ci/run
