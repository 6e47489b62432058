//! What can go wrong with a model call, by what the caller should do about it.

use std::time::Duration;

use crate::money::MicroDollars;

/// Longest part of a provider's message that is kept.
const MESSAGE_CHARS: usize = 500;

/// Why a model call gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// 429. Tried again here, unless the wait is longer than a worker should hold its slot.
    #[error("the model provider limits our rate{}", retry_after.map_or(String::new(), |wait| format!("; it asks us to wait {} s", wait.as_secs())))]
    RateLimited { retry_after: Option<Duration> },
    /// 5xx, or too many failures lately, so that the provider is left alone for a while.
    #[error("the model provider is overloaded: {message}")]
    Overloaded { message: String },
    /// The conversation does not fit the model's window.
    #[error("the conversation is longer than the model's context window: {message}")]
    ContextTooLong { message: String },
    /// The key is missing, wrong or not allowed to use the model. The provider's text is left out: it may quote the key.
    #[error("the model provider refused our key (HTTP {status}); check the API key and its access to the model")]
    Auth { status: u16 },
    /// The run's money does not pay for another useful call.
    #[error("the run's budget has {left} left, and the next call needs about {needed}")]
    Budget { left: MicroDollars, needed: MicroDollars },
    /// The request, the model's name or its price is at fault; trying again gives the same.
    #[error("the model call was refused: {message}")]
    BadRequest { message: String },
    /// Nothing, or only part of an answer, came back.
    #[error("cannot reach the model provider: {message}")]
    Network {
        message: String,
        /// The request may have arrived and been billed.
        sent: bool,
    },
    /// An answer came that is not what the wire promises.
    #[error("the model provider's answer cannot be understood: {message}")]
    Protocol { message: String },
    /// The call could not be booked, so it was not made, or its usage could not be stored.
    #[error("cannot book the model call")]
    Ledger(#[from] sqlx::Error),
}

impl ModelError {
    /// Whether the same call may work in a moment.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::Overloaded { .. } | Self::Network { .. } => true,
            Self::ContextTooLong { .. }
            | Self::Auth { .. }
            | Self::Budget { .. }
            | Self::BadRequest { .. }
            | Self::Protocol { .. }
            | Self::Ledger(_) => false,
        }
    }

    /// Whether the provider may bill the call although no usage came back.
    pub(super) fn may_be_billed(&self) -> bool {
        match self {
            Self::Network { sent, .. } => *sent,
            Self::Protocol { .. } => true,
            Self::RateLimited { .. }
            | Self::Overloaded { .. }
            | Self::ContextTooLong { .. }
            | Self::Auth { .. }
            | Self::Budget { .. }
            | Self::BadRequest { .. }
            | Self::Ledger(_) => false,
        }
    }

    /// Whether the failure speaks against the provider's health.
    pub(super) fn counts_against_provider(&self) -> bool {
        match self {
            Self::Overloaded { .. } | Self::Network { .. } | Self::Protocol { .. } => true,
            Self::RateLimited { .. }
            | Self::ContextTooLong { .. }
            | Self::Auth { .. }
            | Self::Budget { .. }
            | Self::BadRequest { .. }
            | Self::Ledger(_) => false,
        }
    }

    pub(super) fn protocol(message: impl AsRef<str>) -> Self {
        Self::Protocol { message: shortened(message.as_ref()) }
    }

    /// Maps an answer that is not 2xx. `body` is the provider's JSON error or any text.
    ///
    /// Anthropic: <https://docs.claude.com/en/api/errors>; OpenAI: <https://platform.openai.com/docs/guides/error-codes>.
    /// OpenAI answers 429 also for an empty account (`insufficient_quota`), which no wait mends.
    pub(super) fn from_status(status: u16, retry_after: Option<Duration>, body: &str) -> Self {
        let parsed: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        let field = |name: &str| parsed["error"][name].as_str().unwrap_or_default();
        let message = match field("message") {
            "" => shortened(body),
            text => shortened(text),
        };
        let code = if field("code").is_empty() { field("type") } else { field("code") };
        match status {
            401 | 403 => Self::Auth { status },
            402 => Self::BadRequest { message: format!("the provider wants payment: {message}") },
            429 if matches!(code, "insufficient_quota" | "billing_error" | "usage_limit_reached") => {
                Self::BadRequest { message: format!("the provider account has no credit: {message}") }
            }
            429 => Self::RateLimited { retry_after },
            408 | 409 | 500..=599 => Self::Overloaded { message: format!("HTTP {status}: {message}") },
            413 => Self::ContextTooLong { message },
            400 if is_too_long(code, &message) => Self::ContextTooLong { message },
            _ => Self::BadRequest { message: format!("HTTP {status}: {message}") },
        }
    }
}

/// Providers say it differently: OpenAI by code, Anthropic, vLLM and Ollama only in words.
fn is_too_long(code: &str, message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    code == "context_length_exceeded"
        || ["prompt is too long", "maximum context length", "context window", "context length", "exceed context limit"]
            .iter()
            .any(|words| message.contains(words))
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_map_to_what_the_caller_does() {
        let json = |code: &str, message: &str| {
            serde_json::json!({ "error": { "type": code, "code": code, "message": message } }).to_string()
        };
        let wait = Some(Duration::from_secs(7));
        for (status, body, expected) in [
            (429, json("rate_limit_error", "slow down"), "RateLimited { retry_after: Some(7s) }"),
            (
                429,
                json("insufficient_quota", "pay"),
                "BadRequest { message: \"the provider account has no credit: pay\" }",
            ),
            (529, json("overloaded_error", "Overloaded"), "Overloaded { message: \"HTTP 529: Overloaded\" }"),
            (500, "<html>".to_owned(), "Overloaded { message: \"HTTP 500: <html>\" }"),
            (401, json("invalid_api_key", "Incorrect API key sk-live-123"), "Auth { status: 401 }"),
            (403, json("permission_error", "no"), "Auth { status: 403 }"),
            (400, json("context_length_exceeded", "x"), "ContextTooLong { message: \"x\" }"),
            (
                400,
                json("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
                "ContextTooLong { message: \"prompt is too long: 210000 tokens > 200000 maximum\" }",
            ),
            (413, String::new(), "ContextTooLong { message: \"\" }"),
            (400, json("invalid_request_error", "bad tool"), "BadRequest { message: \"HTTP 400: bad tool\" }"),
            (404, json("not_found_error", "no model"), "BadRequest { message: \"HTTP 404: no model\" }"),
        ] {
            assert_eq!(format!("{:?}", ModelError::from_status(status, wait, &body)), expected, "{status} {body}");
        }
    }
}
