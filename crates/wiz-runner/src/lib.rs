//! What wiz and the runner inside a box say to each other, and the pure parts of the runner.
//!
//! The binary of this crate is the only thing wiz puts into a box. wiz speaks to it over one exec stream: [`frame`]
//! cuts the stream into frames, [`protocol`] gives them meaning, [`edit`] changes a text and [`manifest`] says what
//! was loaded. Nothing here does I/O, nothing trusts its input: both ends decode bytes that a hostile repository may
//! have shaped, so every length has a cap and no input may panic.

pub mod edit;
pub mod frame;
pub mod manifest;
pub mod protocol;
