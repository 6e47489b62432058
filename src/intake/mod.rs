//! The `intake` room.
