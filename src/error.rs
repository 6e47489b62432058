//! The text a person sees when wiz cannot do what they asked.
//!
//! Inside, errors are `anyhow` with context; a `thiserror` enum exists only where a caller branches. Neither ever
//! reaches GitHub. What does is a [`UserMessage`]: written for the person, it says what happened and what to do next.

use std::fmt;

/// One or two sentences for a person on GitHub: what happened, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct UserMessage(String);

impl UserMessage {
    /// Wraps text that is safe to post: written by wiz, with any quoted input already neutralised by `report`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The message as Markdown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
