#![expect(clippy::unwrap_used, clippy::panic, reason = "test helpers")]
mod agent;
