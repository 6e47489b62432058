//! Tests through the front doors, against a real engine and a real Postgres.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on must stop")]

mod agent;
mod sandbox;
