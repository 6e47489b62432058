//! The one form of a conversation that the rest of wiz knows; each wire translates it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use crate::ids::{InstallationId, RunId};

/// Who serves a model, and over which wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// Anthropic messages.
    Anthropic,
    /// OpenAI responses.
    OpenAi,
    /// OpenAI chat completions: Ollama, vLLM and every compatible server.
    OpenAiChat,
}

impl Provider {
    /// The part of a model's name before the slash.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::OpenAiChat => "openai-chat",
        }
    }
}

/// A model as people write it: `anthropic/claude-sonnet-4-5`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelName {
    /// Who serves it.
    pub provider: Provider,
    /// The name the provider knows.
    pub name: String,
}

/// Why a model's name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a model; write provider/model with anthropic, openai or openai-chat")]
pub struct InvalidModelName(String);

impl FromStr for ModelName {
    type Err = InvalidModelName;

    fn from_str(text: &str) -> Result<Self, InvalidModelName> {
        let refused = || InvalidModelName(text.chars().take(80).collect());
        let (provider, name) = text.split_once('/').ok_or_else(refused)?;
        let provider = [Provider::Anthropic, Provider::OpenAi, Provider::OpenAiChat]
            .into_iter()
            .find(|known| known.as_str() == provider)
            .ok_or_else(refused)?;
        let valid = (1..=120).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
        if valid { Ok(Self { provider, name: name.to_owned() }) } else { Err(refused()) }
    }
}

impl TryFrom<String> for ModelName {
    type Error = InvalidModelName;

    fn try_from(text: String) -> Result<Self, InvalidModelName> {
        text.parse()
    }
}

impl From<ModelName> for String {
    fn from(name: ModelName) -> String {
        name.to_string()
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider.as_str(), self.name)
    }
}

/// Which part of a run is speaking to the model; decides the prompt, the tools and whose share of the money it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentRole {
    Planner,
    Coder,
    Reviewer,
    /// Answers a question and changes nothing.
    Answerer,
}

impl AgentRole {
    /// The name used in the database and in prompts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planner => "planner",
            Self::Coder => "coder",
            Self::Reviewer => "reviewer",
            Self::Answerer => "answerer",
        }
    }
}

/// Whom a call is for; what its row in `llm_call` says.
#[derive(Debug, Clone, Copy)]
pub struct CallContext<'a> {
    pub run: RunId,
    pub installation: InstallationId,
    pub role: AgentRole,
    /// The session within the run, such as `work-fix-1`; only one process speaks for it at a time.
    pub step_key: &'a str,
    /// The turn within the session, from 1.
    pub turn: u32,
    /// When the call, with all its retries, must have ended.
    pub deadline: Instant,
}

/// Everything one model call says.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelRequest {
    pub model: ModelName,
    pub system: String,
    pub messages: Vec<Message>,
    pub tools: Vec<ToolSpec>,
    /// Most tokens the answer may have; lowered to what the budget still pays for.
    pub max_output_tokens: u32,
}

/// One side's turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub speaker: Speaker,
    pub blocks: Vec<Block>,
}

/// Whose turn a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    User,
    Assistant,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    /// Words.
    Text { text: String },
    /// A provider's own record of its reasoning, signed or encrypted; kept as it came and sent back unchanged.
    Thinking { opaque: Value },
    /// A call the model wants made. `input` is a string when the model's arguments were not JSON.
    ToolUse { id: String, name: String, input: Value },
    /// The answer to the call with the same id.
    ToolResult { id: String, content: String, is_error: bool },
}

impl Block {
    /// Words as a block.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }
}

/// A tool as the model is told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    pub name: String,
    pub description: String,
    /// JSON Schema of the input.
    pub schema: Value,
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelResponse {
    pub blocks: Vec<Block>,
    pub stop: StopCause,
    pub usage: Usage,
}

/// Why the model stopped speaking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopCause {
    /// It said what it had to say, or waits for its calls to be answered.
    Finished,
    /// It ran into `max_output_tokens`; a last tool call may be incomplete.
    OutputLimit,
    /// The provider or the model declined.
    Refused,
}

/// Tokens of one call; the four kinds do not overlap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Input that was neither read from nor written to a cache.
    pub input: u64,
    pub cached_read: u64,
    pub cache_write: u64,
    /// Output, including reasoning.
    pub output: u64,
}

impl Usage {
    /// Every token that was in the model's context at the end of the call.
    pub fn total(&self) -> u64 {
        self.all_input().saturating_add(self.output)
    }

    /// Every token the request held, cached or not.
    pub fn all_input(&self) -> u64 {
        self.input.saturating_add(self.cached_read).saturating_add(self.cache_write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_names_round_trip_and_refuse_nonsense() {
        for name in ["anthropic/claude-sonnet-4-5", "openai/gpt-5", "openai-chat/qwen3:8b", "openai-chat/org/model"] {
            assert_eq!(name.parse::<ModelName>().unwrap().to_string(), name);
        }
        for name in ["", "claude", "google/gemini", "openai/", "openai/a b", "Anthropic/x"] {
            assert!(name.parse::<ModelName>().is_err(), "{name:?}");
        }
    }
}
