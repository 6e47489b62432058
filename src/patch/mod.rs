//! The `patch` room.
