//! The `triage` room.
