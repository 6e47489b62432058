//! The `database` room.
