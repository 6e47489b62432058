# Everything a person or a CI job types. Each target installs what it lacks (Debian, as root or with sudo).

.PHONY: demo test bench lint fmt db-prepare clean-demo

# wiz mends a real bug against a local GitHub. KEEP=1 keeps it running; MODEL=provider/name with its key uses a real model.
demo:
	@scripts/prepare demo
	@target/debug/wiz-demo

test:
	@scripts/prepare test
	@scripts/test

# Medians of 5 jobs and of 3 rounds of webhooks, beside a Probot app on the same machine.
bench:
	@scripts/prepare bench
	@target/release/wiz-bench

lint:
	cargo fmt --all --check
	SQLX_OFFLINE=true cargo clippy --workspace --all-targets --locked -- -D warnings

fmt:
	cargo fmt --all

# Writes .sqlx, by which the query macros are checked without a database.
db-prepare:
	@scripts/prepare-queries

# Removes what demo, tests and benchmark left on this machine, and with it the boxes of every wiz on its engine: not for a
# machine on which one serves.
clean-demo:
	@scripts/clean
