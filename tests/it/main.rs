//! Tests through the front doors, against a real engine.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

mod sandbox;
