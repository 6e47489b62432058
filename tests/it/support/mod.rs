//! What the tests share.

pub mod database;
pub mod dice;
pub mod redact;
pub mod world;
