//! Everything that is tested from outside, in one binary.

#![expect(clippy::unwrap_used, clippy::panic, reason = "test helpers")]

mod agent;
mod architecture;
