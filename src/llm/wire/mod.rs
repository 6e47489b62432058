//! The providers' own JSON: pure functions from [`ModelRequest`] to a body, and from a body to [`ModelResponse`].

mod chat;
mod messages;
mod responses;
#[cfg(test)]
mod samples;

use serde_json::Value;

use super::{ModelError, ModelName, ModelRequest, ModelResponse, Provider};

/// The request's body.
pub(super) fn encode(request: &ModelRequest) -> Value {
    match request.model.provider {
        Provider::Anthropic => messages::encode(request),
        Provider::OpenAi => responses::encode(request),
        Provider::OpenAiChat => chat::encode(request),
    }
}

/// The answer's meaning.
pub(super) fn decode(provider: Provider, body: &Value) -> Result<ModelResponse, ModelError> {
    match provider {
        Provider::Anthropic => messages::decode(body),
        Provider::OpenAi => responses::decode(body),
        Provider::OpenAiChat => chat::decode(body),
    }
}

/// Where a call goes, below the provider's base URL.
pub(super) const fn path(provider: Provider) -> &'static str {
    match provider {
        Provider::Anthropic => "/v1/messages",
        Provider::OpenAi => "/responses",
        Provider::OpenAiChat => "/chat/completions",
    }
}

/// Where a provider tells of one of its models, which costs nothing.
/// <https://docs.claude.com/en/api/models> <https://platform.openai.com/docs/api-reference/models/retrieve>
pub(super) fn model_path(model: &ModelName) -> String {
    match model.provider {
        Provider::Anthropic => format!("/v1/models/{}", model.name),
        Provider::OpenAi | Provider::OpenAiChat => format!("/models/{}", model.name),
    }
}

/// A text field that must be there.
fn text<'a>(value: &'a Value, field: &str) -> Result<&'a str, ModelError> {
    value[field].as_str().ok_or_else(|| ModelError::protocol(format!("no text field `{field}`")))
}

/// Arguments that OpenAI's wires carry as JSON in a string. What is not JSON stays the string it was, so that the
/// agent loop can show the model its own mistake.
fn parse_arguments(arguments: &str) -> Value {
    if arguments.trim().is_empty() {
        return Value::Object(serde_json::Map::new());
    }
    serde_json::from_str(arguments).unwrap_or_else(|_| Value::String(arguments.to_owned()))
}

/// The opposite of [`parse_arguments`].
fn print_arguments(input: &Value) -> String {
    match input {
        Value::String(not_json) => not_json.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => input.to_string(),
    }
}
