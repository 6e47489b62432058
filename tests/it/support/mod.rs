//! What the tests share.

pub mod database;
pub mod redact;
pub mod world;
