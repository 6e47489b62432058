//! The `llm` room.
