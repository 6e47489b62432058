//! The `github` room.
